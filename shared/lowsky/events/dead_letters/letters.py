"""How dead letters lie on the brokers: names of topics and headers. Light: the command reads and replays them, too.

A dead letter of ``<topic>`` and a group lies on ``<topic>.<group>.dlq``. What became of it is a further record there, a
marker: its key is the letter's origin, its state a header; of several the last one counts. Where a letter is replayed,
its record goes to ``<topic>.<group>.retry``, which that group alone consumes: no other group, view or watch sees an old
event again, and the group's inbox knows an event that took effect already.
"""

from __future__ import annotations

from typing import Final

REASON: Final = "lowsky_dlq_reason"
ORIGIN: Final = "lowsky_dlq_origin"
"""``<topic>/<partition>/<offset>`` of the record. By it a dead letter of a group is named."""
LEFT_OUT: Final = "lowsky_dlq_left_out"
"""What of the record is not here, where something is: ``value`` or ``value, headers``."""

STATE: Final = "lowsky_dlq_state"
"""Of a marker: SKIPPED or REPLAYED. A letter without a marker is OPEN."""
NOTE: Final = "lowsky_dlq_note"
OPEN: Final = "open"
SKIPPED: Final = "skipped"
REPLAYED: Final = "replayed"

REPLAY_OF: Final = "lowsky_replay_of"
"""Of a record on a retry topic: the origin of its dead letter."""

ALLOWANCE_BYTES: Final = 64 * 1024
"""What a retry topic takes beyond the largest event: a record comes back with headers that say why."""


def dead_letters_of(topic: str, group: str) -> str:
    """Where the dead letters of a topic and a group lie; those of its retry topic lie there, too."""
    return f"{source_of(topic, group)}.{group}.dlq"


def retry_of(topic: str, group: str) -> str:
    """Where what is replayed to a group lies."""
    return f"{topic}.{group}.retry"


def source_of(topic: str, group: str) -> str:
    """The topic of events that a topic or its retry topic stands for."""
    return topic.removesuffix(f".{group}.retry")
