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
PACKAGES = ("lowsky", "buf")
WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"


def generate(gen: Path, protos: Path = HERE) -> int:
    """Writes the code of all protos beneath a folder, in place of what was there; unless a proto does not compile."""
    gen.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".generating-", dir=gen) as scratch:
        fresh = Path(scratch)
        if code := _compile(protos, fresh):
            return code
        for package in PACKAGES:
            shutil.rmtree(gen / package, ignore_errors=True)
            (fresh / package).rename(gen / package)
    return 0


def _compile(protos: Path, gen: Path) -> int:
    ours = sorted(path.relative_to(protos).as_posix() for path in protos.glob("lowsky/**/*.proto"))
    vendored = ["buf/validate/validate.proto"]  # google/api and google/rpc come generated in googleapis-common-protos
    include = [f"-I{protos}", f"-I{WELL_KNOWN}"]
    messages = [f"--python_out={gen}", f"--mypy_out=quiet:{gen}"]
    services = [f"--grpc_python_out={gen}", f"--mypy_grpc_out=quiet:{gen}"]
    with_services = [name for name in ours if "\nservice " in (protos / name).read_text()]
    code = protoc.main(["protoc", *include, *messages, *ours, *vendored])
    code = code or protoc.main(["protoc", *include, *services, *with_services])
    for folder in (gen / "lowsky" / "api").glob("**/"):
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
