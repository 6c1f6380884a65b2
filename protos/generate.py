"""Generates protos/gen from protos/: run by `make protos`, whose result is committed and leaves no diff.

Messages, gRPC stubs and their types come from grpcio-tools and mypy-protobuf, pinned in uv.lock together with the
protobuf runtime: generated code may be newer than an older runtime loads.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

HERE = Path(__file__).parent
GEN = HERE / "gen"
WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"


def generate(gen: Path) -> int:
    """Writes all generated code beneath a folder, in place of what was there."""
    for old in ("lowsky", "buf"):
        shutil.rmtree(gen / old, ignore_errors=True)
    gen.mkdir(exist_ok=True)
    ours = sorted(path.relative_to(HERE).as_posix() for path in HERE.glob("lowsky/**/*.proto"))
    vendored = ["buf/validate/validate.proto"]  # google/api and google/rpc come generated in googleapis-common-protos
    include = [f"-I{HERE}", f"-I{WELL_KNOWN}"]
    messages = [f"--python_out={gen}", f"--mypy_out=quiet:{gen}"]
    services = [f"--grpc_python_out={gen}", f"--mypy_grpc_out=quiet:{gen}"]
    with_services = [name for name in ours if "\nservice " in (HERE / name).read_text()]
    code = protoc.main(["protoc", *include, *messages, *ours, *vendored])
    code = code or protoc.main(["protoc", *include, *services, *with_services])
    for folder in (gen / "lowsky" / "api").glob("**"):
        (folder / "__init__.py").write_text(f'"""Generated from protos/{folder.relative_to(gen).as_posix()}."""\n')
    return int(code)


def check() -> int:
    """Fails when what is committed is not what would be generated."""
    with tempfile.TemporaryDirectory() as scratch:
        if code := generate(Path(scratch)):
            return code
        fresh, kept = _contents(Path(scratch)), _contents(GEN)
    stale = sorted(name for name in fresh.keys() | kept.keys() if fresh.get(name) != kept.get(name))
    for name in stale:
        print(f"protos/gen/{name} is not what protos/ gives: run `make protos`", file=sys.stderr)
    return 1 if stale else 0


def _contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*.py*") if path.suffix in (".py", ".pyi")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


if __name__ == "__main__":
    sys.exit(check() if sys.argv[1:] == ["--check"] else generate(GEN))
