"""The one KML document of a KMZ archive, taken out within limits that hold while it is taken out."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

from lowsky.airspace.reading.document import FILE_BYTES_MAX
from lowsky.airspace.reading.report import UnreadableZones

MEMBERS_MAX = 1_000
"""Icons and pictures beside the document; they are not looked at."""
RATIO_MAX = 200
"""Coordinates pack to a tenth; what unpacks to more than this is made to fill a disk."""
RATIO_FROM_BYTES = 1024 * 1024
"""Smaller documents may pack as well as they like."""

_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_DIRECTORY_ENTRY = b"PK\x01\x02"


def is_archive(data: bytes) -> bool:
    """Whether the bytes begin as a ZIP archive does."""
    return data.startswith(_MAGIC)


def only_kml(data: bytes) -> bytes:
    """The bytes of the archive's KML document. No other member is unpacked.

    Raises:
        UnreadableZones: NOT_KMZ, ZIP_BOMB, SEVERAL_DOCUMENTS, TOO_LARGE, NOT_A_ZONE_FILE.
    """
    if data.count(_DIRECTORY_ENTRY) > MEMBERS_MAX:  # before the directory is read, which costs memory for each
        raise UnreadableZones("ZIP_BOMB", f"the archive has more than {MEMBERS_MAX} members")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            member = _document(archive)
            with archive.open(member) as packed:
                found = packed.read(FILE_BYTES_MAX + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, struct.error) as fault:
        raise UnreadableZones("NOT_KMZ", f"the archive cannot be read: {fault}") from None
    if len(found) > RATIO_FROM_BYTES and len(found) > RATIO_MAX * max(member.compress_size, 1):
        raise UnreadableZones("ZIP_BOMB", f"the document unpacks to more than {RATIO_MAX} times its size")
    if len(found) > FILE_BYTES_MAX:
        raise UnreadableZones("TOO_LARGE", f"the document unpacks to more than {FILE_BYTES_MAX} bytes")
    return found


def _document(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    documents = [member for member in archive.infolist() if member.filename.lower().endswith(".kml")]
    if not documents:
        raise UnreadableZones("NOT_A_ZONE_FILE", "the archive holds no KML document")
    if len(documents) > 1:
        names = ", ".join(member.filename[:100] for member in documents[:3])
        raise UnreadableZones("SEVERAL_DOCUMENTS", f"the archive holds {len(documents)} KML documents: {names}")
    member = documents[0]
    if member.flag_bits & 1:
        raise UnreadableZones("NOT_KMZ", "the document is encrypted")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UnreadableZones("NOT_KMZ", "the document is packed in another way than KMZ allows")
    return member
