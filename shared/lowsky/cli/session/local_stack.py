"""Reads state.json of `lowsky up`: addresses of the services, and the secret of the development issuer.

Read as plain JSON, so that this works without the extra that starts the stack.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STATE_FILE = "state.json"
STATE_DIR_DEFAULT = ".lowsky"


@dataclass(frozen=True, slots=True)
class LocalStack:
    """A stack on this machine."""

    file: Path
    endpoints: Mapping[str, str]
    issuer_url: str
    issuer_secret: str
    kafka_bootstrap: str
    topic_prefix: str


def find() -> LocalStack | None:
    """The stack of LOWSKY_STATE_DIR, or of .lowsky in this folder; None if there is none, or it belongs to another
    user."""
    file = Path(os.environ.get("LOWSKY_STATE_DIR") or STATE_DIR_DEFAULT).expanduser() / STATE_FILE
    try:
        document: Any = json.loads(file.read_text(encoding="utf-8"))
        entries = document["entries"]
        return LocalStack(
            file,
            {str(entry["name"]): str(entry["address"]) for entry in entries if entry["kind"] == "grpc"},
            str(document["issuer_url"]),
            str(document["issuer_secret"]),
            str(document["kafka_bootstrap"]),
            str(document["topic_prefix"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
