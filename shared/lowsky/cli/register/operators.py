"""`lowsky operators`: the legal persons responsible for flights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from lowsky.cli.deferred import deferred
from lowsky.cli.exits import Exit
from lowsky.cli.options import LIMIT_DEFAULT, Etag, Limit, RequestId, States
from lowsky.cli.output import facts, row, table
from lowsky.cli.problems import Problem
from lowsky.cli.register.identifiers import Identifiers, identifiers_of, shown
from lowsky.cli.session.session import Session, session_of
from lowsky.cli.values import enum_name, enum_value, last, resource, show_time, timestamp

if TYPE_CHECKING:
    from google.protobuf import field_mask_pb2
    from rich.console import RenderableType

    from lowsky.api.assessment.v1 import assessment_pb2
    from lowsky.api.registration.v1 import operators_pb2 as pb
else:
    field_mask_pb2 = deferred("google.protobuf.field_mask_pb2")
    assessment_pb2 = deferred("lowsky.api.assessment.v1.assessment_pb2")
    pb = deferred("lowsky.api.registration.v1.operators_pb2")


app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="acme or operators/acme.")]
Reason = Annotated[str, typer.Option("--reason", help="Shown to the operator.")]
ORDINARY = "ordinary"
PriorityMax = Annotated[
    str,
    typer.Option(
        "--priority",
        help=f"public-service, medical, emergency or state; {ORDINARY} revokes the entitlement.",
    ),
]
DisplayName = Annotated[str | None, typer.Option("--display-name")]
Person = Annotated[str | None, typer.Option("--contact", metavar="PERSON", help="Whom to call.")]
Email = Annotated[str | None, typer.Option("--email")]
Phone = Annotated[str | None, typer.Option("--phone", help="E.164, as in +862112345678.")]
Insurance = Annotated[
    str | None, typer.Option("--insurance-until", metavar="TIME", help="Until when liability insurance covers flights.")
]
Certificate = Annotated[str | None, typer.Option("--certificate", metavar="NUMBER", help="Operation certificate.")]
CertificateUntil = Annotated[str | None, typer.Option("--certificate-until", metavar="TIME")]


@app.command()
def create(
    context: typer.Context,
    display_name: Annotated[str, typer.Option("--display-name")],
    contact: Annotated[str, typer.Option("--contact", metavar="PERSON", help="Whom to call.")],
    operator_id: Annotated[str, typer.Option("--id", help="Last part of the name. Default: generated.")] = "",
    kind: Annotated[str, typer.Option("--kind", help="enterprise, public-body or natural-person.")] = "enterprise",
    identifier: Identifiers = None,
    email: Email = None,
    phone: Phone = None,
    insurance_until: Insurance = None,
    certificate: Certificate = None,
    certificate_until: CertificateUntil = None,
    request_id: RequestId = "",
) -> None:
    """Register an operator, which the registrar must then verify."""
    operator = pb.Operator(
        display_name=display_name,
        kind=enum_value(pb.Operator.Kind, kind, "--kind"),
        contact=pb.Contact(person_name=contact, email=email or "", phone=phone or ""),
        insurance_expire_time=timestamp(insurance_until, "--insurance-until"),
        identifiers=identifiers_of(identifier),
    )
    _certify(operator, certificate, certificate_until)
    request = pb.CreateOperatorRequest(request_id=request_id, operator_id=operator_id, operator=operator)
    session = session_of(context)
    _show(session, session.call(lambda client: client.operators.CreateOperator, request).operator)


@app.command("get", hidden=True)  # its earlier name
@app.command()
def show(context: typer.Context, name: Name) -> None:
    """Show one operator."""
    session = session_of(context)
    _show(session, _get(session, name))


@app.command("list")
def list_(context: typer.Context, state: States = None, limit: Limit = LIMIT_DEFAULT) -> None:
    """The register."""
    states = [enum_value(pb.Operator.State, text, "--state") for text in state or ()]
    session = session_of(context)
    found = session.listing(
        lambda client: client.operators.ListOperators, pb.ListOperatorsRequest(states=states), "operators", limit
    )

    def view() -> Iterator[RenderableType]:
        made = table("operator", "state", "called", "insured until", whole=("operator",))
        for operator in found.operators:
            state = enum_name(pb.Operator.State, operator.state)
            row(made, last(operator.name), state, operator.display_name, show_time(operator.insurance_expire_time))
        yield made

    session.output.show(found, view)


@app.command()
def update(
    context: typer.Context,
    name: Name,
    display_name: DisplayName = None,
    contact: Person = None,
    email: Email = None,
    phone: Phone = None,
    insurance_until: Insurance = None,
    certificate: Certificate = None,
    certificate_until: CertificateUntil = None,
    etag: Etag = "",
    request_id: RequestId = "",
) -> None:
    """Change the given fields; others stay."""
    session = session_of(context)
    operator = _get(session, name)
    operator.etag = etag or operator.etag
    paths = []
    if display_name is not None:
        operator.display_name = display_name
        paths.append("display_name")
    if (contact, email, phone) != (None, None, None):
        operator.contact.person_name = contact or operator.contact.person_name
        operator.contact.email = operator.contact.email if email is None else email
        operator.contact.phone = operator.contact.phone if phone is None else phone
        paths.append("contact")
    if (until := timestamp(insurance_until, "--insurance-until")) is not None:
        operator.insurance_expire_time.CopyFrom(until)
        paths.append("insurance_expire_time")
    if _certify(operator, certificate, certificate_until):
        paths.append("certificate")
    if not paths:
        raise Problem("NOTHING_TO_CHANGE", "no option says what to change", Exit.USAGE, "see --help")
    request = pb.UpdateOperatorRequest(
        request_id=request_id, operator=operator, update_mask=field_mask_pb2.FieldMask(paths=paths)
    )
    _show(session, session.call(lambda client: client.operators.UpdateOperator, request).operator)


@app.command()
def verify(context: typer.Context, name: Name, etag: Etag = "", request_id: RequestId = "") -> None:
    """Confirm that the operator's identity was checked."""
    session = session_of(context)
    request = pb.VerifyOperatorRequest(request_id=request_id, name=resource("operators", name), etag=etag)
    _show(session, session.call(lambda client: client.operators.VerifyOperator, request).operator)


@app.command()
def suspend(context: typer.Context, name: Name, reason: Reason, etag: Etag = "", request_id: RequestId = "") -> None:
    """Suspend an operator: no new plans, and no activations."""
    session = session_of(context)
    request = pb.SuspendOperatorRequest(
        request_id=request_id, name=resource("operators", name), etag=etag, reason=reason
    )
    _show(session, session.call(lambda client: client.operators.SuspendOperator, request).operator)


@app.command()
def reinstate(context: typer.Context, name: Name, reason: Reason, etag: Etag = "", request_id: RequestId = "") -> None:
    """End a suspension."""
    session = session_of(context)
    request = pb.ReinstateOperatorRequest(
        request_id=request_id, name=resource("operators", name), etag=etag, reason=reason
    )
    _show(session, session.call(lambda client: client.operators.ReinstateOperator, request).operator)


@app.command()
def entitle(
    context: typer.Context,
    name: Name,
    priority: PriorityMax,
    reason: Reason,
    etag: Etag = "",
    request_id: RequestId = "",
) -> None:
    """Set the highest priority that an operator's flights may claim."""
    takes_back = priority.lower() == ORDINARY
    request = pb.EntitleOperatorRequest(
        request_id=request_id,
        name=resource("operators", name),
        etag=etag,
        priority_max=assessment_pb2.PRIORITY_UNSPECIFIED
        if takes_back
        else enum_value(assessment_pb2.Priority, priority, "--priority"),
        reason=reason,
    )
    session = session_of(context)
    _show(session, session.call(lambda client: client.operators.EntitleOperator, request).operator)


@app.command()
def deregister(context: typer.Context, name: Name, reason: Reason, etag: Etag = "", request_id: RequestId = "") -> None:
    """Deregister an operator permanently."""
    session = session_of(context)
    request = pb.DeregisterOperatorRequest(
        request_id=request_id, name=resource("operators", name), etag=etag, reason=reason
    )
    _show(session, session.call(lambda client: client.operators.DeregisterOperator, request).operator)


def _get(session: Session, name: str) -> pb.Operator:
    request = pb.GetOperatorRequest(name=resource("operators", name))
    return session.call(lambda client: client.operators.GetOperator, request).operator


def _certify(operator: pb.Operator, number: str | None, until: str | None) -> bool:
    """Sets the given fields of the certificate; returns whether any was given."""
    if number is not None:
        operator.certificate.number = number
    if (expires := timestamp(until, "--certificate-until")) is not None:
        operator.certificate.expire_time.CopyFrom(expires)
    return number is not None or until is not None


def _lacks(missing: pb.MissingDocument) -> str:
    document = enum_name(pb.MissingDocument.Document, missing.document)
    state = "has expired" if missing.expired else "is not stated"
    return f"{document} {state}; needed for {missing.flights} ({missing.jurisdiction}: {missing.source})"


def _show(session: Session, operator: pb.Operator) -> None:
    def view() -> Iterator[RenderableType]:
        contact, certificate = operator.contact, operator.certificate
        yield facts(
            name=operator.name,
            called=operator.display_name,
            state=enum_name(pb.Operator.State, operator.state),
            because=operator.state_reason,
            entitled_to=enum_name(assessment_pb2.Priority, operator.priority_max) if operator.priority_max else "",
            on_grounds=operator.priority_reason,
            kind=enum_name(pb.Operator.Kind, operator.kind),
            identifiers=shown(operator.identifiers),
            contact="\n".join(filter(None, (contact.person_name, contact.email, contact.phone))),
            insured_until=show_time(operator.insurance_expire_time),
            certificate=" until ".join(filter(None, (certificate.number, show_time(certificate.expire_time)))),
            missing="\n".join(_lacks(one) for one in operator.missing_documents),
            changed=show_time(operator.update_time),
            etag=operator.etag,
        )

    session.output.show(operator, view)
