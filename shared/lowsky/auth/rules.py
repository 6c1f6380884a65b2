"""The authorisation table: for every RPC, which roles may call it, and within which scope.

The interceptor enforces roles and OWN. AUTHORITY and APPLICANT depend on stored data, so the service applies them: what
lies outside the caller's scope is NOT_FOUND, for reading as for writing. An RPC without a row is refused to all
callers, and a test fails for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from lowsky.auth.caller import Caller, Role
from lowsky.errors import Forbidden, NotFound


class Scope(Enum):
    """How far a role reaches."""

    ANY = "any"
    """Everything of this kind."""

    OWN = "own"
    """Resources of the caller's operator, by resource name."""

    APPLICANT = "applicant"
    """Resources that the caller applied for; the service looks them up."""

    AUTHORITY = "authority"
    """Resources that concern the caller's authority; the service looks them up."""


@dataclass(frozen=True, slots=True)
class AccessRule:
    """Who may call an RPC."""

    grants: Mapping[Role, Scope]
    resource: str | None = None
    """Path of the request field with the resource name that OWN is checked against."""
    owner_optional: bool = False
    """Whether the name may omit the owner (`operators/-/…`): the service then checks the resource that it finds."""
    writes: bool = False
    """Whether it changes anything: refused while its events could not be emitted."""


_REGISTRATION = "/lowsky.api.registration.v1."
_AIRSPACE = "/lowsky.api.airspace.v1."
_PLANS = "/lowsky.api.flightplans.v1.FlightPlansService/"
_APPROVALS = "/lowsky.api.approvals.v1.ApprovalsService/"

_WITHOUT_OWNER = "operators/-/"

_REGISTRAR = {Role.REGISTRAR: Scope.ANY}
_EVERYONE = dict.fromkeys(Role, Scope.ANY)
_OPERATOR_WRITES = {Role.OPERATOR: Scope.OWN}
_OFFICER_READS = {Role.OFFICER: Scope.AUTHORITY, Role.AUDITOR: Scope.AUTHORITY}
_OPERATOR_AND_OFFICER_READ = {Role.OPERATOR: Scope.OWN, **_OFFICER_READS}

RULES: Mapping[str, AccessRule] = {
    _REGISTRATION + "OperatorsService/CreateOperator": AccessRule(
        {Role.APPLICANT: Scope.APPLICANT, Role.REGISTRAR: Scope.ANY}, writes=True
    ),
    _REGISTRATION + "OperatorsService/GetOperator": AccessRule(
        {Role.OPERATOR: Scope.OWN, Role.REGISTRAR: Scope.ANY, Role.APPLICANT: Scope.APPLICANT}, "name"
    ),
    _REGISTRATION + "OperatorsService/ListOperators": AccessRule(_REGISTRAR),
    _REGISTRATION + "OperatorsService/UpdateOperator": AccessRule(
        {Role.OPERATOR: Scope.OWN, Role.REGISTRAR: Scope.ANY}, "operator.name", writes=True
    ),
    _REGISTRATION + "OperatorsService/VerifyOperator": AccessRule(_REGISTRAR, "name", writes=True),
    _REGISTRATION + "OperatorsService/SuspendOperator": AccessRule(_REGISTRAR, "name", writes=True),
    _REGISTRATION + "OperatorsService/ReinstateOperator": AccessRule(_REGISTRAR, "name", writes=True),
    _REGISTRATION + "OperatorsService/EntitleOperator": AccessRule(_REGISTRAR, "name", writes=True),
    _REGISTRATION + "OperatorsService/DeregisterOperator": AccessRule(_REGISTRAR, "name", writes=True),
    _REGISTRATION + "AircraftService/RegisterAircraft": AccessRule(_OPERATOR_WRITES, "parent", writes=True),
    _REGISTRATION + "AircraftService/GetAircraft": AccessRule(
        {Role.OPERATOR: Scope.OWN, Role.REGISTRAR: Scope.ANY}, "name"
    ),
    _REGISTRATION + "AircraftService/ListAircraft": AccessRule(
        {Role.OPERATOR: Scope.OWN, Role.REGISTRAR: Scope.ANY}, "parent"
    ),
    _REGISTRATION + "AircraftService/UpdateAircraft": AccessRule(_OPERATOR_WRITES, "aircraft.name", writes=True),
    _REGISTRATION + "AircraftService/RetireAircraft": AccessRule(_OPERATOR_WRITES, "name", writes=True),
    _REGISTRATION + "IdentifiersService/ListIdentifierSchemes": AccessRule(_EVERYONE),
    _AIRSPACE + "AuthoritiesService/CreateAuthority": AccessRule({Role.ADMINISTRATOR: Scope.ANY}, writes=True),
    _AIRSPACE + "AuthoritiesService/GetAuthority": AccessRule(_EVERYONE),
    _AIRSPACE + "AuthoritiesService/ListAuthorities": AccessRule(_EVERYONE),
    _AIRSPACE + "AuthoritiesService/UpdateAuthority": AccessRule({Role.ADMINISTRATOR: Scope.ANY}, writes=True),
    _AIRSPACE + "GeozonesService/ImportGeozones": AccessRule({Role.PUBLISHER: Scope.AUTHORITY}, writes=True),
    _AIRSPACE + "GeozonesService/RollbackDataset": AccessRule({Role.PUBLISHER: Scope.AUTHORITY}, writes=True),
    _AIRSPACE + "GeozonesService/CreateRestriction": AccessRule({Role.OFFICER: Scope.AUTHORITY}, writes=True),
    _AIRSPACE + "GeozonesService/LiftRestriction": AccessRule({Role.OFFICER: Scope.AUTHORITY}, writes=True),
    _AIRSPACE + "GeozonesService/ListDatasets": AccessRule(_EVERYONE),
    _AIRSPACE + "GeozonesService/GetGeozone": AccessRule(_EVERYONE),
    _AIRSPACE + "GeozonesService/ListGeozones": AccessRule(_EVERYONE),
    _AIRSPACE + "GeozonesService/CheckAirspace": AccessRule(_EVERYONE),
    _PLANS + "SubmitFlightPlan": AccessRule(_OPERATOR_WRITES, "parent", writes=True),
    # Each message of the stream names its parent: the service checks each by the same rule.
    _PLANS + "SubmitFlightPlans": AccessRule(_OPERATOR_WRITES, "parent", writes=True),
    _PLANS + "GetFlightPlan": AccessRule(_OPERATOR_AND_OFFICER_READ, "name", owner_optional=True),
    _PLANS + "ListFlightPlans": AccessRule(_OPERATOR_AND_OFFICER_READ, "parent"),
    _PLANS + "WithdrawFlightPlan": AccessRule(_OPERATOR_WRITES, "name", writes=True),
    _PLANS + "ActivateFlightPlan": AccessRule(_OPERATOR_WRITES, "name", writes=True),
    _PLANS + "EndFlightPlan": AccessRule(_OPERATOR_WRITES, "name", writes=True),
    _PLANS + "ReportFlightPlanState": AccessRule(_OPERATOR_WRITES, "name", writes=True),
    # It shows when airspace is reserved, never by whom.
    _PLANS + "QueryAirspace": AccessRule(_EVERYONE),
    _PLANS + "WatchFlightPlans": AccessRule(_OPERATOR_AND_OFFICER_READ, "parent"),
    _APPROVALS + "GetApproval": AccessRule(_OPERATOR_AND_OFFICER_READ),
    _APPROVALS + "ListApprovals": AccessRule(_OPERATOR_AND_OFFICER_READ),
    _APPROVALS + "DecideApproval": AccessRule({Role.OFFICER: Scope.AUTHORITY}, writes=True),
    _APPROVALS + "RescindApproval": AccessRule({Role.OFFICER: Scope.AUTHORITY}, writes=True),
    _APPROVALS + "CommentApproval": AccessRule({Role.OFFICER: Scope.AUTHORITY}, writes=True),
    _APPROVALS + "ListApprovalComments": AccessRule(_OFFICER_READS),
    _APPROVALS + "ListReasonCodes": AccessRule(_EVERYONE),
}


REACHES_MAX = 10_000
"""Size of the cache of reach by caller and RPC: as many as verified tokens (tokens.py)."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a caller's roles reach for one RPC: the union of what each of them grants."""

    everything: bool = False
    operator: str | None = None
    """Resources of this operator (``operators/x``)."""
    authority: str | None = None
    """Resources that concern this authority (``authorities/x``)."""
    applicant: str | None = None
    """Resources that this subject applied for."""

    def covers_operator(self, resource: str) -> bool:
        """Whether a resource belongs to the caller's own operator by its name, or everything is within reach."""
        if self.everything:
            return True
        return self.operator is not None and (resource == self.operator or resource.startswith(f"{self.operator}/"))


@lru_cache(maxsize=REACHES_MAX)
def reach_of(method: str, caller: Caller) -> Reach:
    """The reach of the caller for an RPC.

    Raises:
        Forbidden: None of the caller's roles may call it, or it has no row in the table.
    """
    rule = RULES.get(method)
    granted = {scope for role, scope in rule.grants.items() if caller.has(role)} if rule else set()
    if not granted:
        allowed = sorted(role.value for role in rule.grants) if rule else []
        who = f": it takes the role {' or '.join(allowed)}" if allowed else ""
        raise Forbidden(
            "ROLE_MISSING", f"none of your roles may do this{who}", metadata={"allowed_roles": ",".join(allowed)}
        )
    return Reach(
        everything=Scope.ANY in granted,
        operator=caller.operator if Scope.OWN in granted else None,
        authority=caller.authority if Scope.AUTHORITY in granted else None,
        applicant=caller.subject if Scope.APPLICANT in granted else None,
    )


def require_covered(rule: AccessRule, reach: Reach, resource: str) -> None:
    """As require_within_reach, by the rule of an RPC.

    Raises:
        NotFound
    """
    if not (rule.owner_optional and resource.startswith(_WITHOUT_OWNER)):
        require_within_reach(reach, resource)


def require_within_reach(reach: Reach, resource: str) -> None:
    """Refuses what lies outside the caller's reach early, if that is only the caller's own operator.

    With AUTHORITY or APPLICANT in reach the service decides, since that takes stored data.

    Raises:
        NotFound: Whether it exists is not disclosed to others.
    """
    if reach.authority is None and reach.applicant is None and not reach.covers_operator(resource):
        raise NotFound(resource)
