"""Extracts the single KML document of a KMZ archive to a file, within limits that are enforced while unpacking."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from lowsky.airspace.reading.formats.file_text import STEP_BYTES
from lowsky.airspace.reading.formats.json_parsing import FILE_BYTES_MAX
from lowsky.airspace.reading.report import UnreadableZones

MEMBERS_MAX = 1_000
"""Icons and pictures beside the document; they are not looked at."""
RATIO_MAX = 200
"""Coordinates compress to a tenth; an archive with a higher ratio is built to fill a disk."""
RATIO_FROM_BYTES = 1024 * 1024
"""Smaller documents may have any ratio."""

DIRECTORY_BYTES_MAX = 1024 * 1024
"""A member takes some hundred."""

_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_DIRECTORY_ENTRY = b"PK\x01\x02"


def is_archive(file: BinaryIO) -> bool:
    """Whether the file begins as a ZIP archive does."""
    file.seek(0)
    return file.read(4) in _MAGIC


def only_kml(file: BinaryIO, into: BinaryIO) -> None:
    """Writes the archive's KML document into another file. No other member is unpacked.

    Raises:
        UnreadableZones: NOT_KMZ, ZIP_BOMB, SEVERAL_DOCUMENTS, TOO_LARGE, NOT_A_ZONE_FILE.
    """
    with _opened(file) as archive:
        member = _document(archive)
        with archive.open(member) as packed:
            while into.tell() <= FILE_BYTES_MAX and (data := packed.read(STEP_BYTES)):
                into.write(data)
    size = into.tell()
    if size > RATIO_FROM_BYTES and size > RATIO_MAX * max(member.compress_size, 1):
        raise UnreadableZones("ZIP_BOMB", f"the document unpacks to more than {RATIO_MAX} times its size")
    if size > FILE_BYTES_MAX:
        raise UnreadableZones("TOO_LARGE", f"the document unpacks to more than {FILE_BYTES_MAX} bytes")


def member_names(file: BinaryIO) -> list[str]:
    """The names of all members of an archive, of which none is unpacked.

    Raises:
        UnreadableZones: NOT_KMZ, ZIP_BOMB.
    """
    with _opened(file) as archive:
        return archive.namelist()


@contextmanager
def _opened(file: BinaryIO) -> Iterator[zipfile.ZipFile]:
    if _entries(file) > MEMBERS_MAX:  # before the directory is read, which costs memory for each
        raise UnreadableZones("ZIP_BOMB", f"the archive has more than {MEMBERS_MAX} members")
    try:
        with zipfile.ZipFile(_InSteps(file)) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, struct.error) as fault:
        raise UnreadableZones("NOT_KMZ", f"the archive cannot be read: {fault}") from None


class _InSteps:
    """An archive of which no more than DIRECTORY_BYTES_MAX is read at once, as its directory is."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(min(size, DIRECTORY_BYTES_MAX + 1) if size >= 0 else DIRECTORY_BYTES_MAX + 1)
        if len(data) > DIRECTORY_BYTES_MAX:
            raise UnreadableZones("ZIP_BOMB", f"the archive's directory has more than {DIRECTORY_BYTES_MAX} bytes")
        return data


def _entries(file: BinaryIO) -> int:
    """How many entries of a directory there may be."""
    file.seek(0)
    count, tail = 0, b""
    while data := file.read(STEP_BYTES):
        count += (tail + data).count(_DIRECTORY_ENTRY)
        tail = data[1 - len(_DIRECTORY_ENTRY) :]
    return count


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
        raise UnreadableZones("NOT_KMZ", "the document is compressed by a method that KMZ does not allow")
    return member
