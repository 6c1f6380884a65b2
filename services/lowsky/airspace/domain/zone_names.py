"""Resource names of geozones, made of the dataset and the published identifier."""

from __future__ import annotations

import hashlib

IDENTIFIER_LENGTH_MAX = 150
"""Limit for the encoded identifier: with the longest dataset id, a name's last part stays within 200 characters."""

_KEPT_LENGTH = 110
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


def geozone_name(dataset: str, identifier: str) -> str:
    """`geozones/{dataset id}.{identifier}`: the same for the same zone in every import, different for different ones.

    Letters, digits, dots, underscores and dashes stay; any other byte of the identifier in UTF-8 becomes `~` and two
    hexadecimal digits. A result that is too long is cut, and ends in `~~` and a digest of the whole identifier.
    """
    raw = identifier.encode()
    encoded = "".join(chr(byte) if byte in _PLAIN else f"~{byte:02X}" for byte in raw)
    if len(encoded) > IDENTIFIER_LENGTH_MAX:
        encoded = f"{encoded[:_KEPT_LENGTH]}~~{hashlib.sha256(raw).hexdigest()[:32]}"
    return f"geozones/{dataset.removeprefix('datasets/')}.{encoded}"
