"""What is remembered of events outlives the events themselves."""

from __future__ import annotations

from lowsky.events.inbox import KEPT_DAYS
from lowsky.local.parts.topics import declared_topics

DAY_MS = 86_400_000


def test_the_inbox_knows_an_event_for_longer_than_it_can_come_again() -> None:
    kept_ms = [int(topic.configs["retention.ms"]) for topic in declared_topics() if "retention.ms" in topic.configs]
    assert kept_ms
    assert max(kept_ms) < KEPT_DAYS * DAY_MS
