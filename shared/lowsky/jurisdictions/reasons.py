"""Reason codes: what an authority may name as the reason of a decision, as data, in several languages.

data/INT/reasons.toml      codes for everybody
data/CHN/reasons.toml      codes that follow from the law of one jurisdiction
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lowsky.errors import Invalid
from lowsky.jurisdictions.rule_files import InvalidRules, Source, Table, documents

FILE = "reasons.toml"

EVERYBODYS = "INT"
"""The jurisdiction whose codes apply everywhere."""

LANGUAGES = frozenset({"en", "zh"})
"""Each code has a text in each of these."""

USES = frozenset({"GRANT", "REJECTION", "RESCISSION"})
"""What a reason may explain; those of the contract without their prefix."""

_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class ReasonCode:
    """One reason."""

    code: str
    uses: frozenset[str]
    texts: Mapping[str, str]
    """By language."""
    source: Source


class ReasonCodes:
    """The codes of an installation: those for everybody, and those of its jurisdiction."""

    def __init__(self, codes: Collection[ReasonCode]) -> None:
        self._codes = {code.code: code for code in codes}

    @classmethod
    def read(cls, own: str, folder: Path | None = None) -> ReasonCodes:
        """Reads the files.

        Args:
            own: The jurisdiction of the installation.
            folder: Its own files, if it has some.

        Raises:
            InvalidRules: A file is not what it must be, or a code is defined twice.
        """
        found: dict[str, ReasonCode] = {}
        for jurisdiction, document in documents(FILE, folder).items():
            for code in _codes(document):
                if jurisdiction not in (EVERYBODYS, own):
                    continue
                if code.code in found:
                    raise InvalidRules(document.where, f"{code.code} is defined twice")
                found[code.code] = code
        return cls(list(found.values()))

    def all(self) -> list[ReasonCode]:
        """In the order of their codes."""
        return [self._codes[code] for code in sorted(self._codes)]

    def require(self, codes: Collection[str], use: str) -> None:
        """Refuses a code that is unknown, or that does not explain this.

        Raises:
            Invalid: REASON_CODE_UNKNOWN, with the codes that are allowed.
        """
        allowed = [code.code for code in self.all() if use in code.uses]
        for code in codes:
            if code not in allowed:
                what = f"{code} is no reason of a {use.lower()}: use one of {', '.join(allowed)}"
                raise Invalid.field("reason_codes", what, "REASON_CODE_UNKNOWN", allowed=" ".join(allowed))


def _codes(document: Table) -> Iterator[ReasonCode]:
    for table in document.tables("reason"):
        code = table.text("code")
        if not _CODE.fullmatch(code):
            raise InvalidRules(table.at("code"), f"{code!r} must consist of capitals, digits and _")
        uses, texts = table.texts("uses", USES), table.table("texts")
        yield ReasonCode(code, uses, {language: texts.text(language) for language in LANGUAGES}, table.source())
        texts.end()
        table.end()
    document.end()
