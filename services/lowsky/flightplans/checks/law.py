"""The requirements of the law for a flight: documents of its operator, without which it is refused; contents of its
request, without which it is rejected; and the approval of an authority, even where the airspace is open to others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from lowsky.errors import FieldViolation, Precondition
from lowsky.findings.finding import Finding, Rule, Severity
from lowsky.flightplans.checks.validity import AircraftStanding, OperatorStanding
from lowsky.flightplans.domain.proposal import Proposal
from lowsky.jurisdictions.flight_rules import Flight, Needs, Requirement, sources_of

OPERATOR_FIELD = "parent"
"""The field of the request that names the operator, whose documents are required."""


def flight_of(proposal: Proposal, operator: OperatorStanding, aircraft: AircraftStanding) -> Flight:
    """The properties of a proposal that the rules depend on."""
    return Flight(
        commercial=proposal.commercial,
        operator_kind=operator.kind,
        category=aircraft.category,
        max_takeoff_mass_kg=aircraft.max_takeoff_mass_kg,
        mode=proposal.mode,
        purpose=proposal.purpose,
        special_activities=proposal.special_activities,
    )


def require_documents(operator: str, standing: OperatorStanding, needs: Needs, flight_end: datetime) -> None:
    """Requires liability insurance and an operation certificate, if the flight needs them, valid until it ends.

    Raises:
        Precondition: INSURANCE_MISSING, INSURANCE_EXPIRED, CERTIFICATE_MISSING or CERTIFICATE_EXPIRED: the first
            problem is the reason, and all of them are given as fields.
    """
    faults = [
        *_faults(
            "INSURANCE",
            "liability insurance",
            needs.insurance,
            standing.insurance_expire_time is not None,
            standing.insurance_expire_time,
            flight_end,
        ),
        *_faults(
            "CERTIFICATE",
            "operation certificate",
            needs.certificate,
            standing.certified,
            standing.certificate_expire_time,
            flight_end,
        ),
    ]
    if faults:
        reason, _, source = faults[0]
        raise Precondition(
            reason,
            "; ".join(f"{operator} {text}" for _, text, _ in faults),
            metadata={"source": source},
            fields=[FieldViolation(OPERATOR_FIELD, text, reason) for reason, text, _ in faults],
        )


def missing_contents(proposal: Proposal, needs: Needs) -> Iterator[Finding]:
    """A finding for each law that requires more than the request contains."""
    for law, required in needs.contents:
        missing = [content for content in required if content.field not in proposal.stated]
        if missing:
            source = sources_of([content.requirement for content in missing])
            yield Finding(
                Rule.CONTENT_MISSING,
                Severity.BLOCKING,
                "",
                f"the law of {law.title}",
                (),
                f"The request lacks contents that the law of {law.title} requires: "
                f"{'; '.join(f'{content.add} ({content.field})' for content in missing)}. Add them and submit the plan "
                f"again. Source: {source}.",
                fields=tuple(content.field for content in missing),
            )


def application_required(authority: str, title: str, law: Requirement) -> Finding:
    """The finding that an authority must approve the flight in its area, even where the airspace is open."""
    return Finding(
        Rule.APPLICATION_REQUIRED,
        Severity.AUTHORIZATION,
        authority,
        title,
        (),
        f"The law requires an application for {law.flights}, even where the airspace is open: {title} must approve. "
        f"Source: {law.source.text}.",
        deciding=(authority,),
    )


def _faults(
    what: str,
    title: str,
    asking: Sequence[Requirement],
    stated: bool,
    until: datetime | None,
    flight_end: datetime,
) -> Iterator[tuple[str, str, str]]:
    """Reason, text and source if a required document is missing, or expires before the end of the flight."""
    if not asking:
        return
    source = sources_of(asking)
    required_by = f"{' and '.join(requirement.flights for requirement in asking)} need one ({source})"
    if not stated:
        yield f"{what}_MISSING", f"has stated no {title}: {required_by}. State it (UpdateOperator)", source
    elif until is not None and until < flight_end:
        problem = f"has a {title} until {until.isoformat()}, and the flight ends at {flight_end.isoformat()}"
        yield f"{what}_EXPIRED", f"{problem}: {required_by}. State the renewed one (UpdateOperator)", source
