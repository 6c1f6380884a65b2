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
    """A unified social credit code (GB 32100, its organisation code GB 11714) that was not given before."""
    organisation = f"{next(_numbers):08d}"
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    organisation += "0123456789X"[-sum(int(d) * w for d, w in zip(organisation, weights, strict=True)) % 11]
    base = f"91310000{organisation}"
    total = sum(_USCC.index(character) * 3**position for position, character in enumerate(base))
    return base + _USCC[-total % 31]


def new_serial_number() -> str:
    """An ANSI/CTA-2063-A serial number that was not given before."""
    return f"TSTA8{next(_numbers):08d}"


def new_resident_id() -> str:
    """A citizen identification number (GB 11643) that was not given before."""
    base = f"11010519{next(_numbers) % 90 + 10}0101{next(_numbers) % 1000:03d}"
    total = sum(int(digit) * 2 ** (17 - position) for position, digit in enumerate(base))
    return base + "10X98765432"[total % 11]


def new_real_name_number() -> str:
    """A real-name registration number of the CAAC that was not given before."""
    return f"UAS{next(_numbers):08d}"


def new_product_id() -> str:
    """A product id (GB/T 41300) that was not given before."""
    return f"TSTAM001{next(_numbers):012d}"
