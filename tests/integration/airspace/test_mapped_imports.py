"""Imports of files in no dialect, by the mapping in their header."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import grpc
import pytest

from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.geo.codec.zones import geozone_from_message
from tests.integration.airspace.publishing import Publisher, new_dataset, outcomes, reasons
from tests.support.errors import refusal
from tests.support.zone_files import ed269_zone, file_of, square

MAPPING = pb.FieldMapping(
    identifier=pb.FieldSource(property="ID"),
    restriction=pb.FieldSource(property="KIND"),
    restriction_values={"P": pb.RESTRICTION_PROHIBITED},
    upper=pb.LimitSource(
        value=pb.FieldSource(property="TOP"),
        datum=pb.FieldSource(constant="AGL"),
        unit=pb.FieldSource(constant="FT"),
    ),
)
RING = [[16.3, 48.2], [16.31, 48.2], [16.31, 48.21], [16.3, 48.21], [16.3, 48.2]]


def geojson(*properties: dict[str, Any]) -> bytes:
    shape = {"type": "Polygon", "coordinates": [RING]}
    features = [{"type": "Feature", "properties": one, "geometry": shape} for one in properties]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def kmz(text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("doc.kml", text)
    return packed.getvalue()


KML = f"""<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><ExtendedData>
<Data name="ID"><value>A</value></Data><Data name="KIND"><value>P</value></Data>
<Data name="TOP"><value>400</value></Data>
</ExtendedData><Polygon><outerBoundaryIs><LinearRing><coordinates>
{" ".join(f"{lon},{lat}" for lon, lat in RING)}
</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark></Document></kml>"""


@pytest.mark.parametrize(
    ("form", "name", "data"),
    [
        (pb.ZONE_FILE_FORMAT_GEOJSON, "GeoJSON", geojson({"ID": "A", "KIND": "P", "TOP": 400})),
        (pb.ZONE_FILE_FORMAT_KML, "KML", KML.encode()),
        (pb.ZONE_FILE_FORMAT_KML, "KML", kmz(KML)),
    ],
)
async def test_a_mapped_file_comes_into_force(
    publisher: Publisher, form: pb.ZoneFileFormat.ValueType, name: str, data: bytes
) -> None:
    dataset = new_dataset()
    answer = await publisher.publish(dataset, data, format=form, mapping=MAPPING)
    assert (answer.report.format, answer.report.taken, answer.dataset.geozone_count) == (name, 1, 1)
    request = pb.GetGeozoneRequest(name=answer.report.entries[0].geozone)
    zone = (await publisher.geozones.GetGeozone(request)).geozone
    assert json.loads(zone.published_json)["properties"]["KIND"] == "P"
    (layer,) = geozone_from_message(zone).layers
    assert layer.outline.bounds == pytest.approx((16.3, 48.2, 16.31, 48.21))
    assert layer.altitude.upper_m == pytest.approx(121.92)


async def test_an_unmapped_restriction_refuses_its_zone(publisher: Publisher) -> None:
    data = geojson({"ID": "A", "KIND": "P"}, {"ID": "B", "KIND": "Q"})
    answer = await publisher.publish(
        new_dataset(), data, format=pb.ZONE_FILE_FORMAT_GEOJSON, mapping=MAPPING, validate_only=True
    )
    assert outcomes(answer.report) == {"A": "TAKEN", "B": "REFUSED"}
    assert reasons(answer.report.entries[1]) == {"RESTRICTION_UNMAPPED"}


@pytest.mark.parametrize(
    ("fields", "data", "field"),
    [
        ({"format": pb.ZONE_FILE_FORMAT_GEOJSON}, geojson({}), "header.mapping"),
        ({"format": pb.ZONE_FILE_FORMAT_KML}, KML.encode(), "header.mapping"),
        ({"mapping": MAPPING}, file_of([ed269_zone("A", square(16.3, 48.2))]), "header.mapping"),
        (
            {
                "format": pb.ZONE_FILE_FORMAT_KML,
                "mapping": pb.FieldMapping(
                    identifier=pb.FieldSource(property="ID"), restriction=pb.FieldSource(property="KIND")
                ),
            },
            KML.encode(),
            "header.mapping.restriction_values",
        ),
        (
            {
                "format": pb.ZONE_FILE_FORMAT_KML,
                "mapping": pb.FieldMapping(
                    identifier=pb.FieldSource(property="ID"), restriction=pb.FieldSource(constant="CLOSED")
                ),
            },
            KML.encode(),
            "header.mapping.restriction.constant",
        ),
        (
            {
                "format": pb.ZONE_FILE_FORMAT_KML,
                "mapping": pb.FieldMapping(
                    identifier=pb.FieldSource(property="ID"),
                    restriction=pb.FieldSource(property="KIND"),
                    restriction_values={"P": pb.RESTRICTION_PROHIBITED, "P ": pb.RESTRICTION_USPACE},
                ),
            },
            KML.encode(),
            "header.mapping.restriction_values",
        ),
        ({"format": pb.ZONE_FILE_FORMAT_KML, "mapping": MAPPING}, b"<!DOCTYPE kml []><kml/>", "chunk"),
    ],
)
async def test_what_does_not_go_together_is_refused(
    publisher: Publisher, fields: dict[str, Any], data: bytes, field: str
) -> None:
    failure = await refusal(publisher.publish(new_dataset(), data, **fields))
    assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
    assert list(failure.fields) == [field]
