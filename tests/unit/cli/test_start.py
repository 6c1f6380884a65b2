"""The command does not import what it does not need."""

import subprocess
import sys

import pytest

HEAVY = (
    "geopandas",
    "shapely",
    "pyproj",
    "pandas",
    "numpy",
    "grpc",
    "rich.console",
    "google.protobuf.descriptor_pool",
    "lowsky.client",
    "aiokafka",
    "asyncio",
    "asyncpg",
    "httpx",
    "joserfc",
)

PROGRAM = """
import sys
from lowsky.cli import main
sys.argv = ["lowsky", *{arguments!r}]
try:
    main.main()
except SystemExit as ended:
    assert ended.code == {code}, ended.code
print(*sorted({heavy!r} & sys.modules.keys()), sep=",", file=sys.__stderr__)
"""


def imported(arguments: list[str], heavy: set[str], code: int = 0) -> list[str]:
    program = PROGRAM.format(arguments=arguments, heavy=heavy, code=code)
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout or code, "nothing was printed"
    return [name for name in result.stderr.splitlines()[-1].split(",") if name]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["--help"],
        ["plan", "--help"],
        ["plan", "submit", "--help"],
        ["zones", "import", "--help"],
        ["approvals", "list", "--help"],
        ["operators", "create", "--help"],
        ["aircraft", "register", "--help"],
        ["authorities", "area", "--help"],
        ["events", "tail", "--help"],
        ["up", "--help"],
        ["demo", "--help"],
    ],
    ids=" ".join,
)
def test_help_imports_neither_grpc_nor_messages_nor_geometry(arguments: list[str]) -> None:
    assert imported(arguments, set(HEAVY)) == []


def test_a_command_that_reads_imports_nothing_of_the_servers_and_no_kafka() -> None:
    servers = {"geopandas", "shapely", "pyproj", "pandas", "numpy", "asyncpg", "httpx", "joserfc", "aiokafka"}
    reading = ["plan", "list", "--registration", "127.0.0.1:1", "--flightplans", "127.0.0.1:1"]
    assert imported(reading, {*servers, "lowsky.missions.reader"}, code=5) == []
