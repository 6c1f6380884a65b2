"""Ids that we make up ourselves."""

from __future__ import annotations

import uuid_utils


def new_id() -> str:
    """A UUIDv7 in its usual form: unique without asking anybody, and sorted by time, which keeps indexes compact."""
    return str(uuid_utils.uuid7())
