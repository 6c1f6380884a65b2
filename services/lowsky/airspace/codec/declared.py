"""The header of an import, as what the publisher declares of the file."""

from __future__ import annotations

from lowsky.airspace.reading import Declared
from lowsky.api.airspace.v1 import geozones_pb2 as pb


def declared_by(header: pb.ImportHeader) -> Declared:
    """What the header says of the file."""
    return Declared()
