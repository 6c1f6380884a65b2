"""protos/generate.py: the generated code is replaced as a whole, or not at all."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

PROTOS = Path(__file__).parents[2] / "protos"
OLD = "lowsky/api/removed/v1/removed_pb2.py"
"""A file whose proto is no longer there."""


def protos_with(folder: Path, rule: str) -> Path:
    """A copy of the script beside a proto with that field, and code generated earlier."""
    copy = folder / "protos"
    (copy / "lowsky/api/x/v1").mkdir(parents=True)
    shutil.copy(PROTOS / "generate.py", copy)
    shutil.copytree(PROTOS / "buf", copy / "buf")
    (copy / "lowsky/api/x/v1/x.proto").write_text(
        'syntax = "proto3";\npackage lowsky.api.x.v1;\n'
        f"message X {{ {rule} }}\nservice S {{ rpc Do(X) returns (X); }}\n"
    )
    (copy / "gen" / OLD).parent.mkdir(parents=True)
    (copy / "gen" / OLD).write_text("")
    return copy


def run(protos: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(protos / "generate.py")], capture_output=True, text=True, timeout=120, check=False
    )


def test_code_is_generated_in_place_of_what_was_there(tmp_path: Path) -> None:
    protos = protos_with(tmp_path, "string name = 1;")
    ended = run(protos)
    assert ended.returncode == 0, ended.stderr
    assert "name" in (protos / "gen/lowsky/api/x/v1/x_pb2.pyi").read_text()
    assert (protos / "gen/lowsky/api/x/v1/x_pb2_grpc.py").exists()
    assert not (protos / "gen" / OLD).exists()
    assert sorted(path.name for path in (protos / "gen").iterdir()) == ["buf", "lowsky"]


def test_a_proto_that_does_not_compile_leaves_the_generated_code_as_it_was(tmp_path: Path) -> None:
    protos = protos_with(tmp_path, "strang name = 1;")
    ended = run(protos)
    assert ended.returncode != 0
    assert "x.proto" in ended.stderr
    assert [path.relative_to(protos / "gen").as_posix() for path in (protos / "gen").rglob("*.*")] == [OLD]
