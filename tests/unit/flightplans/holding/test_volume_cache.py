"""The shelf: what is asked for lies in one place, each plan's volumes are its own, and shelves change in between."""

from __future__ import annotations

from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

from lowsky.flightplans.holding.volume_cache import Key, Shelf
from lowsky.geo.heights.altitude import AltitudeBand, Datum, VerticalReference
from lowsky.geo.volumes.stored_volumes import Run, StoredVolumes
from lowsky.geo.volumes.volumes import Volume4D, Volumes

CAPACITY = 12


def key(plan: int, revision: int = 1) -> Key:
    return UUID(int=plan), revision


def volumes_of(plans: list[tuple[int, int]]) -> Volumes:
    """So many volumes of each plan, by which it is known."""
    return Volumes.of(
        [
            [
                Volume4D(
                    box(plan * 0.01, n * 0.01, plan * 0.01 + 0.01, n * 0.01 + 0.01),
                    AltitudeBand(plan, Datum.AGL, plan + 10 + n, Datum.AMSL),
                    1_000.0 * plan,
                    1_000.0 * plan + n + 1,
                )
                for n in range(count)
            ]
            for plan, count in plans
        ]
    )


def require_own(stored: StoredVolumes, run: Run, plan: int, count: int) -> None:
    """What lies there is what that plan holds."""
    own = volumes_of([(plan, count)])
    at = slice(run.first, run.first + run.count)
    assert run.count == count
    assert [o.wkb for o in stored.outlines[at]] == [o.wkb for o in own.outlines]
    assert np.array_equal(stored.boxes[at], [o.bounds for o in own.outlines])
    assert np.array_equal(stored.start_s[at], own.start_s)
    assert np.array_equal(stored.end_s[at], own.end_s)
    heights = stored.heights[at]
    for name in ("lower_m", "upper_m", "lower_datum", "upper_datum"):
        assert np.array_equal(getattr(heights, name), getattr(own.altitudes, name)), name
    assert np.isnan(heights.takeoff_amsl_m).all()


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(1, 5), max_size=4),
            st.lists(st.integers(0, 40), max_size=8, unique=True),
        ),
        min_size=1,
        max_size=25,
    )
)
def test_no_plan_is_lost_or_taken_for_another_over_many_shelves(batches: list[tuple[list[int], list[int]]]) -> None:
    """Each batch brings plans of so many volumes and looks at some of those before, fetched where they are not here."""
    shelf = Shelf(CAPACITY)
    counts: list[int] = []
    for brought, wanted in batches:
        held = [plan for plan in wanted if plan < len(counts)]
        new = list(range(len(counts), len(counts) + len(brought)))
        here: dict[Key, Volumes | None] = {
            key(plan): None if key(plan) in shelf else volumes_of([(plan, counts[plan])]) for plan in held
        }
        counts += brought
        stored, runs = shelf.together(
            [key(plan) for plan in new], volumes_of([(plan, counts[plan]) for plan in new]), here
        )
        assert runs.keys() == {key(plan) for plan in new + held}
        for plan in new + held:
            require_own(stored, runs[key(plan)], plan, counts[plan])


def test_a_plan_of_another_revision_is_another_entry() -> None:
    shelf = Shelf(CAPACITY)
    shelf.together([key(1)], volumes_of([(1, 2)]), {})
    assert key(1) in shelf
    assert key(1, 2) not in shelf
    stored, runs = shelf.together([], volumes_of([]), {key(1, 2): volumes_of([(1, 3)]), key(1): None})
    require_own(stored, runs[key(1)], 1, 2)
    require_own(stored, runs[key(1, 2)], 1, 3)


def test_a_batch_larger_than_the_shelf_has_one_of_its_own_size() -> None:
    shelf = Shelf(CAPACITY)
    shelf.together([key(0)], volumes_of([(0, 2)]), {})
    plans = [(plan, 5) for plan in range(1, 9)]
    stored, runs = shelf.together([key(plan) for plan, _ in plans], volumes_of(plans), {key(0): None})
    assert stored.capacity == 42
    for plan, count in [(0, 2), *plans]:
        require_own(stored, runs[key(plan)], plan, count)


def test_what_one_batch_compares_stays_while_another_changes_the_shelf() -> None:
    shelf = Shelf(CAPACITY)
    stored, runs = shelf.together([key(1), key(2)], volumes_of([(1, 5), (2, 5)]), {})
    for plan in range(3, 30):
        shelf.together([key(plan)], volumes_of([(plan, 5)]), {})
    require_own(stored, runs[key(1)], 1, 5)
    assert key(1) not in shelf
    met = stored.overlaps([runs[key(1)]], [runs[key(1)]], VerticalReference())
    assert sorted(met.ours.tolist()) == list(range(5))


def test_what_was_wanted_lately_is_still_here_after_a_change_and_the_rest_is_forgotten() -> None:
    shelf = Shelf(CAPACITY)
    shelf.together([key(1), key(2)], volumes_of([(1, 5), (2, 5)]), {})
    shelf.together([key(3)], volumes_of([(3, 5)]), {key(1): None})
    assert key(1) in shelf
    shelf.together([key(4), key(5)], volumes_of([(4, 4), (5, 4)]), {key(1): None})
    assert key(1) in shelf
    assert key(2) not in shelf


@pytest.mark.parametrize("capacity", [1, 5])
def test_a_retried_plan_takes_the_place_of_its_first_try(capacity: int) -> None:
    """A batch that was checked anew brings the same plans again."""
    shelf = Shelf(capacity)
    for _ in range(3):
        stored, runs = shelf.together([key(1)], volumes_of([(1, 3)]), {})
        require_own(stored, runs[key(1)], 1, 3)
