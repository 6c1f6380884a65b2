"""Format of dead letters on the brokers: topic names and headers. Few imports: the command line uses it, too.

The dead letters of ``<topic>`` and a group are on ``<topic>.<group>.dlq``. The state of a letter is a further record
there, a marker: its key is the letter's origin, a header holds the state, and the last marker counts. When a letter is
replayed, its record is sent to ``<topic>.<group>.retry``, which only that group consumes: no other group, view or watch
sees an old event again, and the group's inbox recognises an event that took effect already.
"""

from __future__ import annotations

from typing import Final

REASON: Final = "lowsky_dlq_reason"
ORIGIN: Final = "lowsky_dlq_origin"
"""``<topic>/<partition>/<offset>`` of the record, which identifies a dead letter of a group."""
LEFT_OUT: Final = "lowsky_dlq_left_out"
"""What of the record was left out, if anything: ``value`` or ``value, headers``."""

STATE: Final = "lowsky_dlq_state"
"""Of a marker: SKIPPED or REPLAYED. A letter without a marker is OPEN."""
NOTE: Final = "lowsky_dlq_note"
OPEN: Final = "open"
SKIPPED: Final = "skipped"
REPLAYED: Final = "replayed"

REPLAY_OF: Final = "lowsky_replay_of"
"""Of a record on a retry topic: the origin of its dead letter."""

ALLOWANCE_BYTES: Final = 64 * 1024
"""What a retry topic accepts beyond the largest event: a replayed record has additional headers with the reason."""


def dead_letters_of(topic: str, group: str) -> str:
    """The topic with the dead letters of a topic and a group, and with those of its retry topic."""
    return f"{source_of(topic, group)}.{group}.dlq"


def retry_of(topic: str, group: str) -> str:
    """The topic with the records that are replayed to a group."""
    return f"{topic}.{group}.retry"


def source_of(topic: str, group: str) -> str:
    """The event topic that a topic or retry topic belongs to."""
    return topic.removesuffix(f".{group}.retry")
