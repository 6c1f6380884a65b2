"""Priorities of flights, lowest first: who gives way to whom. The numbers are those of the contract."""

from __future__ import annotations

from enum import IntEnum


class Priority(IntEnum):
    """The special operations of EU 2021/664 Annex IV; a higher number goes before a lower one."""

    ORDINARY = 0
    """The contract's unspecified: a flight that claims nothing."""
    PUBLIC_SERVICE = 1
    MEDICAL = 2
    EMERGENCY = 3
    STATE = 4
