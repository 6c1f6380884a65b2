"""Documents that an operator lacks under the law of its place of registration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lowsky.jurisdictions.flight_rules import Flight, FlightRules, Requirement
from lowsky.registration.domain.operator import Operator


class Document(StrEnum):
    """A document of an operator that flights may need."""

    LIABILITY_INSURANCE = "LIABILITY_INSURANCE"
    OPERATION_CERTIFICATE = "OPERATION_CERTIFICATE"


@dataclass(frozen=True, slots=True)
class MissingDocument:
    """A document that an operator has not stated, or that has expired."""

    document: Document
    expired: bool
    requirement: Requirement
    """The flights that need it, and the law that requires it."""


def missing_documents(operator: Operator, law: FlightRules, now: datetime) -> Iterator[MissingDocument]:
    """The documents that flights of an operator of this kind may need, whatever its aircraft, and that are not valid
    now."""
    profile = operator.profile
    insured, certified = profile.insurance_expire_time is not None, bool(profile.certificate_number)
    for document, requirement, stated, until in (
        (Document.LIABILITY_INSURANCE, law.insurance, insured, profile.insurance_expire_time),
        (Document.OPERATION_CERTIFICATE, law.certificate, certified, profile.certificate_expire_time),
    ):
        expired = stated and until is not None and until <= now
        if requirement and requirement.holds(Flight(operator_kind=operator.kind)) and (expired or not stated):
            yield MissingDocument(document, expired, requirement)
