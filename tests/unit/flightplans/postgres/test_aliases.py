"""Aliases: as unlike as random numbers, and known again by whoever has the key."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lowsky.flightplans.postgres.aliases import Aliases
from lowsky.ids import new_id

KEY, ANOTHER = bytes(range(32)), bytes(range(1, 33))


@given(st.uuids())
def test_a_plan_is_known_again_by_its_alias(plan: UUID) -> None:
    aliases = Aliases(KEY)
    assert aliases.plan(aliases.name(str(plan))) == str(plan)


def test_it_is_aes_256_of_the_id() -> None:
    """FIPS 197, C.3."""
    aliases = Aliases(KEY)
    assert aliases.of("00112233-4455-6677-8899-aabbccddeeff") == "8ea2b7ca516745bfeafc49904b496089"


def test_aliases_of_plans_that_were_submitted_together_have_nothing_in_common() -> None:
    aliases = Aliases(KEY)
    plans = [new_id() for _ in range(200)]
    assert len({plan[:8] for plan in plans}) < 5
    found = [aliases.of(plan) for plan in plans]
    assert len({alias[:8] for alias in found}) == len({alias[-8:] for alias in found}) == len(plans)
    assert found != sorted(found)


def test_without_the_key_an_alias_is_of_another_plan() -> None:
    plan = str(uuid4())
    assert Aliases(ANOTHER).plan(Aliases(KEY).name(plan)) != plan


@pytest.mark.parametrize(
    "name",
    [
        "",
        "operators/-/flightPlans/",
        "operators/-/flightPlans/01a22d4c-404b-7652-b033-ad59f15b493c",
        "operators/-/flightPlans/" + 32 * "z",
        "operators/-/flightPlans/" + 31 * "a",
        "operators/acme/flightPlans/" + 32 * "a",
        "geozones/" + 32 * "a",
    ],
)
def test_other_names_are_of_no_plan(name: str) -> None:
    assert Aliases(KEY).plan(name) is None
