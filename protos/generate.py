"""Generates protos/gen from protos/: run by `make protos`, whose result is committed and leaves no diff.

Messages, gRPC stubs and their types come from grpcio-tools and mypy-protobuf, pinned in uv.lock together with the
protobuf runtime: generated code may be newer than an older runtime loads.
"""

import shutil
import sys
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

HERE = Path(__file__).parent
GEN = HERE / "gen"
WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"


def generate() -> int:
    for old in ("lowsky", "buf"):
        shutil.rmtree(GEN / old, ignore_errors=True)
    GEN.mkdir(exist_ok=True)
    ours = sorted(path.relative_to(HERE).as_posix() for path in HERE.glob("lowsky/**/*.proto"))
    vendored = ["buf/validate/validate.proto"]  # google/rpc/status comes generated in googleapis-common-protos
    include = [f"-I{HERE}", f"-I{WELL_KNOWN}"]
    messages = [f"--python_out={GEN}", f"--mypy_out={GEN}"]
    services = [f"--grpc_python_out={GEN}", f"--mypy_grpc_out={GEN}"]
    with_services = [name for name in ours if "\nservice " in (HERE / name).read_text()]
    code = protoc.main(["protoc", *include, *messages, *ours, *vendored])
    code = code or protoc.main(["protoc", *include, *services, *with_services])
    for folder in (GEN / "lowsky" / "api").glob("**"):
        (folder / "__init__.py").write_text(f'"""Generated from protos/{folder.relative_to(GEN).as_posix()}."""\n')
    return int(code)


if __name__ == "__main__":
    sys.exit(generate())
