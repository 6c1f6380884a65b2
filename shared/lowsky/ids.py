"""Ids that the services generate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import uuid_utils

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def new_id() -> str:
    """A UUIDv7 in its usual form: unique without coordination, and sorted by time, which keeps indexes compact."""
    return str(uuid_utils.uuid7())


def least_id(instant: datetime) -> str:
    """What no id made at an instant or later sorts before, and every id made in an earlier millisecond does.

    A UUIDv7 begins with 48 bits of milliseconds since 1970 (RFC 9562, 5.7); in lower case, and compared byte by byte
    (COLLATE "C"), its text sorts as its bits do.
    """
    return str(UUID(int=((instant - _EPOCH) // _MS) << 80 | 0x7 << 76 | 0b10 << 62))


def made_at(id_: str) -> datetime:
    """When an id was made, to the millisecond.

    Raises:
        ValueError: It does not begin as a UUID does.
    """
    return _EPOCH + int(id_[:8] + id_[9:13], 16) * _MS
