"""Patterns by which a mapping takes a value out of a text.

Publishers send them, and any text may follow: RE2 matches in time linear in the text, whatever the pattern, and knows
neither back-references nor looking around (https://github.com/google/re2/wiki/Syntax).
"""

from __future__ import annotations

import re2

PATTERN_LENGTH_MAX = 500
"""Characters. One that finds a number among words has some fifty."""
GROUP = "value"
"""The named group that holds the value: (?P<value>…)."""
_MEMORY_BYTES_MAX = 1024 * 1024
"""Of a compiled pattern: counted repetitions of counted repetitions would take gigabytes."""
_MATCHES_MAX = 50
"""Of one text that are compared; in a text of more it is not clear which is meant."""


class Pattern:
    """A pattern with one group named `value`."""

    def __init__(self, expression: str) -> None:
        """Compiles it.

        Raises:
            ValueError: It is too long, no pattern of RE2, too large when compiled, or without the group.
        """
        if len(expression) > PATTERN_LENGTH_MAX:
            raise ValueError(f"the pattern has {len(expression)} characters; {PATTERN_LENGTH_MAX} is the most")
        options = re2.Options()
        options.log_errors = False
        options.max_mem = _MEMORY_BYTES_MAX
        try:
            self._compiled = re2.compile(expression, options)
        except re2.error as fault:
            said = fault.args[0] if fault.args else "it cannot be compiled"
            words = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
            raise ValueError(f"the pattern is none of RE2: {words}") from None
        if GROUP not in self._compiled.groupindex:
            raise ValueError(f"the pattern has no group (?P<{GROUP}>…), which holds the value")
        self.expression = expression

    def values_in(self, words: str) -> list[str]:
        """The different values that it finds, in their order; of more than _MATCHES_MAX matches only the first ones."""
        found: dict[str, None] = {}
        for count, match in enumerate(self._compiled.finditer(words), 1):
            if value := (match[GROUP] or "").strip():
                found[value] = None
            if len(found) > 1 or count == _MATCHES_MAX:
                break
        return list(found)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and other.expression == self.expression

    def __hash__(self) -> int:
        return hash(self.expression)
