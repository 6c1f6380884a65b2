"""Findings of a plan on which an authority must still decide: a grant covers only what the authority saw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lowsky.findings.finding import Finding
from lowsky.geo.heights.altitude import AltitudeBand


def unseen(found: Iterable[Finding], seen: Sequence[Finding]) -> list[tuple[Finding, tuple[str, ...]]]:
    """Findings that authorities must decide on and have not seen, each with those authorities.

    A zone that is unchanged, or that the plan overlaps less than before, has been seen. A zone that is new, that the
    plan overlaps more than before, or whose terms have changed has not.
    """
    return [(one, names) for one in found if (names := _not_seen_by(one, seen))]


def _not_seen_by(one: Finding, seen: Sequence[Finding]) -> tuple[str, ...]:
    if not one.deciding or one in seen:
        return ()
    covering = [before for before in seen if _covers(before, one)]
    return tuple(name for name in one.deciding if not any(name in before.deciding for before in covering))


def _covers(before: Finding, after: Finding) -> bool:
    """Whether an authority that saw the earlier finding need not see the later one."""
    if (before.rule, before.subject) != (after.rule, after.subject):
        return False
    if not after.subject:
        return before.message == after.message  # it summarises several findings, which only the text distinguishes
    if before.terms and after.terms and before.terms != after.terms:
        return False
    return _volumes_covered(before, after) and _times_covered(before, after) and _heights_covered(before, after)


def _volumes_covered(before: Finding, after: Finding) -> bool:
    if after.volumes_left_out:  # not all of them are named
        return (before.volumes, before.volumes_left_out) == (after.volumes, after.volumes_left_out)
    return set(after.volumes) <= set(before.volumes)


def _times_covered(before: Finding, after: Finding) -> bool:
    if before.start_s is None or before.end_s is None or after.start_s is None or after.end_s is None:
        return (before.start_s, before.end_s) == (after.start_s, after.end_s)
    return before.start_s <= after.start_s and after.end_s <= before.end_s


def _heights_covered(before: Finding, after: Finding) -> bool:
    one, other = before.subject_altitude, after.subject_altitude
    return one == other or (one is not None and other is not None and _holds(one, other))


def _holds(outer: AltitudeBand, inner: AltitudeBand) -> bool:
    same = (outer.lower_datum, outer.upper_datum) == (inner.lower_datum, inner.upper_datum)
    return same and outer.lower_m <= inner.lower_m and inner.upper_m <= outer.upper_m
