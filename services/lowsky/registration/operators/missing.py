"""Which documents an operator lacks, by the laws of the jurisdictions where it is registered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from lowsky.jurisdictions.flights import RuleSets
from lowsky.registration.domain.documents import MissingDocument, missing_documents
from lowsky.registration.domain.operator import Operator
from lowsky.registration.identifiers.identifier import INTERNATIONAL, Schemes


class Documents:
    """What the laws of this installation ask of operators."""

    def __init__(self, schemes: Schemes, rules: RuleSets) -> None:
        self._schemes = schemes
        self._rules = rules

    def missing(self, operator: Operator, now: datetime) -> Sequence[MissingDocument]:
        """What the operator cannot show now."""
        laws = self._rules.of_countries(jurisdictions_of(operator, self._schemes))
        return [one for law in laws for one in missing_documents(operator, law, now)]


def jurisdictions_of(operator: Operator, schemes: Schemes) -> list[str]:
    """The jurisdictions in which it is registered, by the schemes of its numbers; a scheme that is international, or no
    longer known, says nothing."""
    found = (schemes.get(one.scheme) for one in operator.identifiers)
    return [scheme.jurisdiction for scheme in found if scheme and scheme.jurisdiction != INTERNATIONAL]
