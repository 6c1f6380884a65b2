"""Ports that stay the same from one start to the next where they can: addresses end up in shells, notes and tokens."""

import contextlib
import json
from pathlib import Path

from lowsky.local.files import write_private
from lowsky.local.running.ports import free_port


def remembered_port(state_dir: Path, name: str, fixed: int | None = None) -> int:
    """The fixed port, or the one that this name had before if it is free, or a free one; it is remembered."""
    if fixed is not None:
        return fixed
    file = state_dir / "ports.json"
    known: dict[str, int] = {}
    with contextlib.suppress(FileNotFoundError, ValueError):
        known = {str(key): int(value) for key, value in json.loads(file.read_text(encoding="utf-8")).items()}
    others = frozenset(port for other, port in known.items() if other != name)
    port = free_port(known.get(name), taken=others)
    write_private(file, json.dumps({**known, name: port}, indent=2) + "\n")
    return port
