"""Findings as messages, and back."""

from __future__ import annotations

import math

import shapely
from google.protobuf.unknown_fields import UnknownFieldSet
from shapely import Polygon

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.geo.v1 import geo_pb2
from lowsky.findings.finding import Finding, Rule, Severity
from lowsky.geo.codec.volumes import (
    band_to_message,
    widest_band,
)
from lowsky.open_enums import name_of, number_member, text_member

_RULES, _SEVERITIES, _DATUMS = (
    frozenset(enum.values())
    for enum in (assessment_pb2.Finding.Rule, assessment_pb2.Finding.Severity, geo_pb2.AltitudeDatum)
)


def finding_to_message(finding: Finding) -> assessment_pb2.Finding:
    """For the wire, and for what is kept."""
    if finding.as_read:
        return assessment_pb2.Finding.FromString(finding.as_read)
    message = assessment_pb2.Finding(
        rule=assessment_pb2.Finding.Rule.Value(f"RULE_{finding.rule}"),
        severity=assessment_pb2.Finding.Severity.Value(f"SEVERITY_{finding.severity.name}"),
        subject=finding.subject,
        subject_title=finding.subject_title,
        volumes=finding.volumes,
        volumes_count=len(finding.volumes) + finding.volumes_left_out,
        plan_altitude=band_to_message(finding.plan_altitude) if finding.plan_altitude else None,
        subject_altitude=band_to_message(finding.subject_altitude) if finding.subject_altitude else None,
        altitude_uncertain=finding.altitude_uncertain,
        plan_amsl=_reach_to_message(finding.plan_amsl_m),
        subject_amsl=_reach_to_message(finding.subject_amsl_m),
        deciding_authorities=finding.deciding,
        notified_authorities=finding.notified,
        message=finding.message,
        overlap_outlines=[_outline_to_message(outline) for outline in finding.overlap_outlines],
        fields=finding.fields,
        stands_for=finding.stands_for,
        subject_terms=finding.terms,
    )
    if finding.start_s is not None and finding.end_s is not None:
        message.time_start.FromNanoseconds(round(finding.start_s * 1e6) * 1000)
        message.time_end.FromNanoseconds(round(finding.end_s * 1e6) * 1000)
    return message


def finding_from_message(message: assessment_pb2.Finding) -> Finding:
    """The other way. Rules and severities of a later version are members of their own, written again as they are."""
    return Finding(
        rule=text_member(Rule, name_of(assessment_pb2.Finding.Rule, message.rule, "RULE_")),
        severity=number_member(Severity, message.severity),
        subject=message.subject,
        subject_title=message.subject_title,
        volumes=tuple(message.volumes),
        message=message.message,
        plan_altitude=widest_band(message.plan_altitude) if message.HasField("plan_altitude") else None,
        subject_altitude=widest_band(message.subject_altitude) if message.HasField("subject_altitude") else None,
        start_s=message.time_start.ToMicroseconds() / 1e6 if message.HasField("time_start") else None,
        end_s=message.time_end.ToMicroseconds() / 1e6 if message.HasField("time_end") else None,
        altitude_uncertain=message.altitude_uncertain,
        plan_amsl_m=_reach_from(message.plan_amsl) if message.HasField("plan_amsl") else None,
        subject_amsl_m=_reach_from(message.subject_amsl) if message.HasField("subject_amsl") else None,
        deciding=tuple(message.deciding_authorities),
        notified=tuple(message.notified_authorities),
        overlap_outlines=tuple(_outline_from(outline) for outline in message.overlap_outlines),
        fields=tuple(message.fields),
        volumes_left_out=max(message.volumes_count - len(message.volumes), 0),
        stands_for=message.stands_for,
        terms=message.subject_terms,
        as_read=b"" if _is_understood(message) else message.SerializeToString(),
    )


def _is_understood(message: assessment_pb2.Finding) -> bool:
    """Whether all that a finding says has a meaning in this version."""
    return (
        message.rule in _RULES
        and message.severity in _SEVERITIES
        and {message.plan_altitude.lower_datum, message.plan_altitude.upper_datum} <= _DATUMS
        and {message.subject_altitude.lower_datum, message.subject_altitude.upper_datum} <= _DATUMS
        and not len(UnknownFieldSet(message))
    )


def _outline_to_message(outline: Polygon) -> geo_pb2.Polygon:
    ring = shapely.get_coordinates(outline.exterior)[:-1].tolist()
    return geo_pb2.Polygon(vertices=[geo_pb2.LatLng(longitude=lon, latitude=lat) for lon, lat in ring])


def _outline_from(message: geo_pb2.Polygon) -> Polygon:
    return Polygon([(vertex.longitude, vertex.latitude) for vertex in message.vertices])


def _reach_to_message(reach_m: tuple[float, float] | None) -> assessment_pb2.Finding.AmslReach | None:
    if reach_m is None:
        return None
    least, greatest = reach_m
    return assessment_pb2.Finding.AmslReach(
        least_m=least if math.isfinite(least) else None, greatest_m=greatest if math.isfinite(greatest) else None
    )


def _reach_from(message: assessment_pb2.Finding.AmslReach) -> tuple[float, float]:
    return (
        message.least_m if message.HasField("least_m") else -math.inf,
        message.greatest_m if message.HasField("greatest_m") else math.inf,
    )
