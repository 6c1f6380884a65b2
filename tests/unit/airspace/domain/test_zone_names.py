"""Resource names of geozones: legal, deterministic, and different for different identifiers."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lowsky.airspace.domain.zone_names import geozone_name

LEGAL = re.compile(r"geozones/[A-Za-z0-9._~-]{1,200}")
LONGEST_DATASET = "datasets/" + "d" * 42


@pytest.mark.parametrize(
    ("identifier", "name"),
    [
        ("LOX-1", "geozones/at.LOX-1"),
        ("a.b_c", "geozones/at.a.b_c"),
        ("A/1", "geozones/at.A~2F1"),
        ("A~2", "geozones/at.A~7E2"),
        ("Zürich 1", "geozones/at.Z~C3~BCrich~201"),
    ],
)
def test_a_name_shows_the_identifier(identifier: str, name: str) -> None:
    assert geozone_name("datasets/at", identifier) == name


@given(st.text(min_size=1, max_size=200))
def test_any_identifier_makes_a_legal_name(identifier: str) -> None:
    encodable = identifier.encode(errors="ignore").decode() or "x"
    assert LEGAL.fullmatch(geozone_name(LONGEST_DATASET, encodable))


@given(st.text("aA~/.2F7E", min_size=1, max_size=4), st.text("aA~/.2F7E", min_size=1, max_size=4))
def test_two_identifiers_never_share_a_name(one: str, other: str) -> None:
    assert (geozone_name("datasets/at", one) == geozone_name("datasets/at", other)) == (one == other)


@pytest.mark.parametrize(("length", "cut"), [(150, False), (151, True)])
def test_only_what_is_too_long_is_cut(length: int, cut: bool) -> None:
    assert ("~~" in geozone_name("datasets/at", "x" * length)) is cut


def test_long_identifiers_that_differ_at_the_end_have_different_names() -> None:
    long = "ü" * 90
    names = {geozone_name("datasets/at", long + end) for end in map("".join, product("ab", repeat=3))}
    assert len(names) == 8


def test_the_same_identifier_in_two_datasets_is_two_names() -> None:
    assert geozone_name("datasets/aa", "b") != geozone_name("datasets/ab", "b")
