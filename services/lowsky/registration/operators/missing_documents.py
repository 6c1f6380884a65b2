"""The documents that an operator lacks under the laws of the jurisdictions where it is registered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from lowsky.jurisdictions.flight_rules import RuleSets
from lowsky.registration.domain.documents import MissingDocument, missing_documents
from lowsky.registration.domain.operator import Operator
from lowsky.registration.identifiers.identifier import INTERNATIONAL, Schemes


class Documents:
    """The documents that the laws of this installation require of operators."""

    def __init__(self, schemes: Schemes, rules: RuleSets) -> None:
        self._schemes = schemes
        self._rules = rules

    def missing(self, operator: Operator, now: datetime) -> Sequence[MissingDocument]:
        """The documents that the operator lacks now."""
        laws = self._rules.of_countries(jurisdictions_of(operator, self._schemes))
        return [one for law in laws for one in missing_documents(operator, law, now)]


def jurisdictions_of(operator: Operator, schemes: Schemes) -> list[str]:
    """The jurisdictions in which it is registered, by the schemes of its numbers. International schemes, and those no
    longer known, are ignored."""
    found = (schemes.get(one.scheme) for one in operator.identifiers)
    return [scheme.jurisdiction for scheme in found if scheme and scheme.jurisdiction != INTERNATIONAL]
