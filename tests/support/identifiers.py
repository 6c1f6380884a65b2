"""Numbers that pass their checks, as many different ones as a test needs. Computed here, not by what is tested."""

from __future__ import annotations

from itertools import count

_numbers = count(1)
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def new_eu_number(ending: str = "xyz") -> str:
    """An EN 4709-02 operator number that was not given before, with its three secret characters."""
    base = f"{next(_numbers):012d}"
    total = 0
    for position, character in enumerate(base + ending):
        product = _BASE36.index(character) * (2 - position % 2)
        total += sum(divmod(product, 36))
    return f"FIN{base}{_BASE36[-total % 36]}-{ending}"


def new_uscc() -> str:
    """A unified social credit code (GB 32100) that was not given before."""
    base = f"91310000{next(_numbers):09d}"
    total = sum(_USCC.index(character) * 3**position for position, character in enumerate(base))
    return base + _USCC[-total % 31]


def new_serial_number() -> str:
    """An ANSI/CTA-2063-A serial number that was not given before."""
    return f"TSTA8{next(_numbers):08d}"
