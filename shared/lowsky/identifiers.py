"""Identifiers of operators and aircraft: parse, check, and return the form that may be kept.

Every function takes the text as typed and returns the identifier, or raises `MalformedIdentifier`. Nothing is stripped,
folded or upper-cased: a surrounding space, a lower-case letter or a full-width digit is an error that the caller sees.

| function               | scheme                                                      | returns         |
|------------------------|-------------------------------------------------------------|-----------------|
| `eu_operator_number`   | EN 4709-02 UAS operator registration number                 | public 16 chars |
| `uscc`                 | GB 32100-2015 unified social credit code of a legal entity  | the 18 chars    |
| `cta_2063a_serial`     | ANSI/CTA-2063-A serial number of a small UA                 | the serial      |
| `gbt_41300_product_id` | GB/T 41300 unique product identification code of a civil UA | the 20 chars    |

What a check digit guarantees: any single wrong character of a USCC is found (31 is prime and no weight is 0 mod 31),
and any single wrong character of an EU number from the fourth on is found (both weights map the 36 values one to one).
The three country letters of an EU number are outside its check digit; serials and product ids have none.
"""

from typing import Final, NoReturn

EU_OPERATOR_NUMBER: Final = "EN 4709-02 operator number"
USCC: Final = "GB 32100 unified social credit code"
CTA_2063A: Final = "ANSI/CTA-2063-A serial number"
GBT_41300: Final = "GB/T 41300 product id"

_UPPER: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BASE36: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
# GB 32100 leaves out I, O, S, V and Z, which are misread as digits or other letters.
_USCC_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
# CTA-2063-A leaves out I and O everywhere; GB/T 41300 follows it.
_SERIAL_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_LENGTH_CODES: Final = "123456789ABCDEF"

_EU_PUBLIC_LENGTH: Final = 16
_EU_SECRET_LENGTH: Final = 3
_USCC_LENGTH: Final = 18
_SERIAL_MAKER_LENGTH: Final = 4
_SERIAL_LENGTH_MIN: Final = 6
_SERIAL_LENGTH_MAX: Final = 20
_PRODUCT_ID_LENGTH: Final = 20


class MalformedIdentifier(ValueError):
    """The text is no identifier of the scheme.

    `scheme` is one of this module's scheme names, `reason` one of WRONG_LENGTH, WRONG_ALPHABET, WRONG_CHECK_DIGIT,
    SECRET_MISSING, DASH_MISPLACED, WRONG_LENGTH_CODE, LENGTH_CODE_MISMATCH. `message` names positions and lengths and
    never repeats the text: an EU number contains a secret.
    """

    def __init__(self, scheme: str, reason: str, message: str) -> None:
        super().__init__(f"{scheme}: {message}")
        self.scheme = scheme
        self.reason = reason
        self.message = message


def eu_operator_number(text: str) -> str:
    """Check an EN 4709-02 number with its secret, as `FIN87astrdge12k8-xyz` or without the dash; return the public 16.

    Three letters A-Z, twelve of `0-9a-z`, a check character, three secret characters. The check is a Luhn mod 36 over
    the twelve and the secret, weights 2,1,2,1,...: so only the holder of the secret can type a number that passes.
    The secret is verified and dropped: it is in no result and no message. The bare public form cannot be verified and
    is refused (SECRET_MISSING).
    """
    public, secret = _eu_parts(text)
    _check_alphabet(EU_OPERATOR_NUMBER, public[:3], _UPPER, 1, "a letter A-Z")
    _check_alphabet(EU_OPERATOR_NUMBER, public[3:], _BASE36, 4, "one of 0-9a-z")
    # The position is left out on purpose: it would tell about the secret.
    if any(character not in _BASE36 for character in secret):
        _refuse(EU_OPERATOR_NUMBER, "WRONG_ALPHABET", "the secret part holds a character that is not one of 0-9a-z")
    if public[15] != _eu_check_character(public[3:15] + secret):
        _refuse(EU_OPERATOR_NUMBER, "WRONG_CHECK_DIGIT", "the check character does not match the number and its secret")
    return public


def uscc(text: str) -> str:
    """Check a unified social credit code (GB 32100-2015): 18 of `0-9A-HJ-NPQRTUWXY`, the last one a check character.

    Weights are 3^i mod 31 for i = 0..16, the check value is (31 - sum mod 31) mod 31.
    """
    _check_length(USCC, text, _USCC_LENGTH)
    _check_alphabet(USCC, text, _USCC_ALPHABET, 1, "a digit or a capital letter other than I, O, S, V, Z")
    total = sum(_USCC_ALPHABET.index(character) * pow(3, i, 31) for i, character in enumerate(text[:-1]))
    if text[-1] != _USCC_ALPHABET[-total % 31]:
        _refuse(USCC, "WRONG_CHECK_DIGIT", "the last character does not match the first 17")
    return text


def cta_2063a_serial(text: str) -> str:
    """Check an ANSI/CTA-2063-A serial: maker code (4), length code 1-9 or A-F, then exactly that many characters.

    The alphabet is 0-9 and A-Z without I and O. There is no check digit: the length code is all that can be verified.
    """
    if not _SERIAL_LENGTH_MIN <= len(text) <= _SERIAL_LENGTH_MAX:
        _refuse(
            CTA_2063A,
            "WRONG_LENGTH",
            f"must have {_SERIAL_LENGTH_MIN} to {_SERIAL_LENGTH_MAX} characters, not {len(text)}",
        )
    _check_alphabet(CTA_2063A, text, _SERIAL_ALPHABET, 1, "a digit or a capital letter other than I and O")
    code, serial = text[_SERIAL_MAKER_LENGTH], text[_SERIAL_MAKER_LENGTH + 1 :]
    if code not in _LENGTH_CODES:
        _refuse(CTA_2063A, "WRONG_LENGTH_CODE", "character 5 is the length code and must be one of 1-9, A-F")
    length = _LENGTH_CODES.index(code) + 1
    if len(serial) != length:
        _refuse(
            CTA_2063A,
            "LENGTH_CODE_MISMATCH",
            f"the length code announces {length} characters after it, there are {len(serial)}",
        )
    return text


def gbt_41300_product_id(text: str) -> str:
    """Check a GB/T 41300 product id: maker 4 + model 4 + serial 12 characters, 0-9 and A-Z without I and O."""
    _check_length(GBT_41300, text, _PRODUCT_ID_LENGTH)
    _check_alphabet(GBT_41300, text, _SERIAL_ALPHABET, 1, "a digit or a capital letter other than I and O")
    return text


def _eu_parts(text: str) -> tuple[str, str]:
    """Split into the public 16 characters and the secret."""
    if len(text) == _EU_PUBLIC_LENGTH:
        _refuse(
            EU_OPERATOR_NUMBER,
            "SECRET_MISSING",
            "only the public part is given: the three characters after it are needed to verify the number; "
            "they are not kept",
        )
    if len(text) == _EU_PUBLIC_LENGTH + _EU_SECRET_LENGTH:
        return text[:_EU_PUBLIC_LENGTH], text[_EU_PUBLIC_LENGTH:]
    if len(text) != _EU_PUBLIC_LENGTH + 1 + _EU_SECRET_LENGTH:
        _refuse(EU_OPERATOR_NUMBER, "WRONG_LENGTH", f"must have 19 characters, or 20 with the dash, not {len(text)}")
    if text[_EU_PUBLIC_LENGTH] != "-":
        _refuse(EU_OPERATOR_NUMBER, "DASH_MISPLACED", "of 20 characters the 17th must be the dash")
    return text[:_EU_PUBLIC_LENGTH], text[_EU_PUBLIC_LENGTH + 1 :]


def _eu_check_character(protected: str) -> str:
    """Luhn mod 36 over the twelve and the secret: each product contributes its two base-36 digits."""
    total = 0
    for i, character in enumerate(protected):
        product = _BASE36.index(character) * (2 if i % 2 == 0 else 1)
        total += product // 36 + product % 36
    return _BASE36[-total % 36]


def _check_length(scheme: str, text: str, length: int) -> None:
    if len(text) != length:
        _refuse(scheme, "WRONG_LENGTH", f"must have {length} characters, not {len(text)}")


def _check_alphabet(scheme: str, text: str, alphabet: str, first_position: int, expected: str) -> None:
    for position, character in enumerate(text, first_position):
        if character not in alphabet:
            _refuse(scheme, "WRONG_ALPHABET", f"character {position} must be {expected}")


def _refuse(scheme: str, reason: str, message: str) -> NoReturn:
    raise MalformedIdentifier(scheme, reason, message)
