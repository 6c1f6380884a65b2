"""Datasets and authorities: what changes with an import or an update, and whose they are."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lowsky.airspace.domain.authority import Authority, AuthorityProfile
from lowsky.airspace.domain.country_codes import COUNTRIES
from lowsky.airspace.domain.dataset import Dataset
from lowsky.errors import NotFound, StaleEtag

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)


def imported(dataset: Dataset, revision: int, title: str = "", authority: str = "authorities/a") -> Dataset:
    return dataset.imported(authority=authority, title=title, geozone_count=3, airspace_revision=revision, now=NOW)


def test_each_import_counts_the_version_and_takes_the_revision_it_is_given() -> None:
    first = imported(Dataset("datasets/x", "authorities/a"), 7, "One")
    second = imported(first, 9)
    assert [(d.version, d.airspace_revision, d.title) for d in (first, second)] == [(1, 7, "One"), (2, 9, "One")]
    assert imported(second, 10, "Two").title == "Two"


def test_a_dataset_is_not_to_be_found_by_another_authority() -> None:
    with pytest.raises(NotFound):
        imported(Dataset("datasets/x", "authorities/a"), 1, authority="authorities/b")


def test_an_update_counts_the_version_and_is_told() -> None:
    profile = AuthorityProfile("A", "Europe/Vienna", "", "")
    authority = Authority("authorities/a", "AUT", profile, NOW, NOW)
    authority.expect("")
    authority.expect("1")
    authority.update(profile, NOW)
    assert (authority.etag, authority.happened) == ("2", ["created", "updated"])
    with pytest.raises(StaleEtag):
        authority.expect("1")


def test_there_are_249_countries_and_kosovo() -> None:
    assert len(COUNTRIES) == 250
    assert {"AUT", "CHN", "XKX"} <= COUNTRIES
