"""Check characters of identifiers: each algorithm computes the check part from the parts that it protects.

`mod-31-3`, `mod-11-2`, `mod-97-10` and `luhn-mod-36` detect any single wrong character (no weight maps two values of a
character to the same product). `gb-11714` does not detect one whose value differs by 11 or 22. The data files name an
algorithm by its key in ALGORITHMS; adding an algorithm requires code, with a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

DIGITS: Final = "0123456789"
_UPPER: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BASE36_LOWER: Final = DIGITS + _UPPER.lower()
_BASE36_UPPER: Final = DIGITS + _UPPER
# GB 32100 omits I, O, S, V and Z, which are easily misread as digits or other letters.
_GB_32100: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_LENGTH_CODES: Final = "123456789ABCDEF"
_GB_11714_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)


@dataclass(frozen=True, slots=True)
class Algorithm:
    """Computes a check part from the protected text."""

    compute: Callable[[str], str]
    """Takes a text over the alphabet, of an allowed length; returns the check part."""
    alphabet: str
    length_min: int
    length_max: int
    """Of the protected text."""


def luhn_mod_36(text: str) -> str:
    """EN 4709-02: weights 2, 1, 2, 1, …; each product contributes its two base-36 digits; −sum mod 36."""
    total = 0
    for i, character in enumerate(text):
        product = _BASE36_LOWER.index(character) * (2 if i % 2 == 0 else 1)
        total += product // 36 + product % 36
    return _BASE36_LOWER[-total % 36]


def mod_31_3(text: str) -> str:
    """GB 32100-2015 4.6: weights 3^i mod 31; (31 − sum mod 31) mod 31."""
    return _GB_32100[-sum(_GB_32100.index(c) * pow(3, i, 31) for i, c in enumerate(text)) % 31]


def gb_11714(text: str) -> str:
    """GB 11714-1997: eight characters, letters count 10 to 35; 11 − sum mod 11, where 10 is X and 11 is 0."""
    total = sum(_BASE36_UPPER.index(c) * w for c, w in zip(text, _GB_11714_WEIGHTS, strict=True))
    return (DIGITS + "X")[-total % 11]


def mod_11_2(text: str) -> str:
    """ISO 7064 MOD 11-2, as in GB 11643-1999: a digit weighs 2 to the power of its distance from the check."""
    remainder = sum(int(digit) * pow(2, len(text) - i, 11) for i, digit in enumerate(text)) % 11
    return (DIGITS + "X")[(1 - remainder) % 11]


def mod_97_10(text: str) -> str:
    """ISO 7064 MOD 97-10, as in ISO 17442: letters are 10 to 35; with the two check digits the number is 1 mod 97."""
    number = int("".join(str(_BASE36_UPPER.index(character)) for character in text) + "00")
    return f"{98 - number % 97:02d}"


def jp_corporate_number(text: str) -> str:
    """Ordinance of the Ministry of Finance (Japan) No. 70 of 2014: weights 1, 2, 1, … from the right; 9 − sum mod 9."""
    return str(9 - sum(int(digit) * (1 + i % 2) for i, digit in enumerate(reversed(text))) % 9)


def length_code(text: str) -> str:
    """ANSI/CTA-2063-A 4.2: how many characters follow, 1 to 15 as one of 1–9, A–F."""
    return _LENGTH_CODES[len(text) - 1]


ALGORITHMS: Mapping[str, Algorithm] = {
    "luhn-mod-36": Algorithm(luhn_mod_36, _BASE36_LOWER, 1, 64),
    "mod-31-3": Algorithm(mod_31_3, _GB_32100, 1, 30),  # the weights 3^i mod 31 repeat after 30
    "gb-11714": Algorithm(gb_11714, _BASE36_UPPER, 8, 8),
    "mod-11-2": Algorithm(mod_11_2, DIGITS, 1, 64),
    "mod-97-10": Algorithm(mod_97_10, _BASE36_UPPER, 1, 64),
    "jp-corporate-number": Algorithm(jp_corporate_number, DIGITS, 12, 12),
    "length-code": Algorithm(length_code, "", 1, 15),  # it counts the characters, whatever they are
}


def is_calendar_date(text: str) -> bool:
    """Whether YYYYMMDD is a calendar date, as in GB 11643-1999 4.2.2."""
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return True
