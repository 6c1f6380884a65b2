"""KML in the encoding that it declares."""

from __future__ import annotations

import io
import zipfile

import pytest

from lowsky.airspace.reading import Declared, FieldMapping, Format, Source, UnreadableZones
from lowsky.airspace.reading.formats import file_text
from tests.support.samples import PUBLIC
from tests.support.whole_reading import WholeReading, read

CASES = PUBLIC / "cases"
DECLARED = Declared(format=Format.KML, mapping=FieldMapping(Source("name"), Source(constant="PROHIBITED")))
RING = "121.0,31.0 121.1,31.0 121.1,31.1 121.0,31.0"


def document(name: str, declared: str | None = None) -> str:
    declaration = f'<?xml version="1.0" encoding="{declared}"?>\n' if declared else ""
    return (
        f'{declaration}<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><name>{name}</name><Polygon>'
        f"<outerBoundaryIs><LinearRing><coordinates>{RING}</coordinates></LinearRing></outerBoundaryIs></Polygon>"
        "</Placemark></Document></kml>"
    )


def kml(data: bytes) -> WholeReading:
    return read(data, DECLARED)


def only_identifier(data: bytes) -> str:
    (zone,) = kml(data).zones
    return zone.geozone.identifier


@pytest.mark.parametrize(
    ("declared", "encoding", "name"),
    [
        ("GB2312", "gb2312", "试验区"),
        ("gb2312", "gbk", "镕基"),  # characters that GB 2312 lacks, as files have them that declare it
        ("GBK", "gbk", "限飞区"),
        ("GB18030", "gb18030", "𠀀区"),
        ("Big5", "big5", "禁航區"),
        ("Shift_JIS", "cp932", "飛行禁止①"),
        ("EUC-JP", "euc_jp", "飛行禁止"),
        ("EUC-KR", "euc_kr", "비행금지"),
        ("windows-1251", "cp1251", "Зона"),
        ("windows-1252", "cp1252", "Zürich €"),
        ("ISO-8859-1", "latin-1", "Zürich"),
        ("ISO-8859-2", "iso8859-2", "Łódź"),
        ("KOI8-R", "koi8-r", "Зона"),
        ("UTF-8", "utf-8", "试验区"),
        ("UTF-16", "utf-16", "试验区"),
        ("UTF-16", "utf-16-le", "试验区"),
        ("UTF-16", "utf-16-be", "试验区"),
        ("UTF-16", "utf-8", "试验区"),  # as programs write that changed the bytes and not the declaration
        ("GB2312", "utf-8-sig", "试验区"),  # a mark says it better
        (None, "utf-8", "试验区"),
    ],
)
def test_a_document_is_read_in_the_encoding_that_it_declares(declared: str | None, encoding: str, name: str) -> None:
    data = document(name, declared).encode(encoding)
    assert only_identifier(data) == name
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("doc.kml", data)
    assert only_identifier(packed.getvalue()) == name


def test_a_published_document_in_gb2312_is_read() -> None:
    if not CASES.exists():
        pytest.skip("the public samples are not here")
    assert only_identifier((CASES / "zones-kml-declared-gb2312.kml").read_bytes()) == "试验区"


def test_characters_are_read_whole_however_the_file_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    data = document("试验区", "GB2312").encode("gbk")
    for step in (1, 2, 3, 7):
        monkeypatch.setattr(file_text, "STEP_BYTES", step)
        assert only_identifier(data) == "试验区"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (document("x", "zip").encode(), "ENCODING_UNSUPPORTED"),
        (document("x", "base64").encode(), "ENCODING_UNSUPPORTED"),
        (document("x", "bz2").encode(), "ENCODING_UNSUPPORTED"),
        (document("x", "rot13").encode(), "ENCODING_UNSUPPORTED"),
        (document("x", "idna").encode(), "ENCODING_UNSUPPORTED"),
        (document("x", "utf-7").encode(), "ENCODING_UNSUPPORTED"),
        (document("x", "unicode_escape").encode(), "ENCODING_UNSUPPORTED"),
        (document("x", "no-such-thing").encode(), "ENCODING_UNSUPPORTED"),
        (document("试验区", "GBK").encode("gbk")[:-200] + b"\xff\xff", "NOT_UTF8"),
        (document("试验区").encode("gbk"), "NOT_UTF8"),
        (document("试验区", "UTF-8").encode("gbk"), "NOT_UTF8"),
        (document("Zürich").encode("latin-1"), "NOT_UTF8"),
    ],
)
def test_what_cannot_be_decoded_says_to_save_it_as_utf_8(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableZones, match="save it as UTF-8") as caught:
        kml(data)
    assert caught.value.reason == reason


def test_a_document_type_is_refused_in_every_encoding() -> None:
    data = document("试验区", "GB2312").replace("<kml", '<!DOCTYPE kml [<!ENTITY a "b">]><kml', 1)
    with pytest.raises(UnreadableZones, match="XML_FORBIDDEN"):
        kml(data.encode("gbk"))


def test_text_that_is_too_large_once_recoded_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_text, "FILE_BYTES_MAX", 1_000)
    with pytest.raises(UnreadableZones, match="TOO_LARGE"):
        kml(document("区" * 400, "GBK").encode("gbk"))
