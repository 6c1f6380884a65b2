"""The authorisation table: for every RPC, which roles may call it, and within which scope.

The interceptor enforces roles and OWN. AUTHORITY and APPLICANT depend on stored data, so the service applies them with
the caller at hand: what lies outside is NOT_FOUND, for reading as for writing. An RPC without a row answers nobody, and
a test fails for it.
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
    """What lies beneath the caller's operator, by resource name."""

    APPLICANT = "applicant"
    """What the caller applied for; the service looks it up."""

    AUTHORITY = "authority"
    """What concerns the caller's authority; the service looks it up."""


@dataclass(frozen=True, slots=True)
class AccessRule:
    """Who may call an RPC."""

    grants: Mapping[Role, Scope]
    resource: str | None = None
    """Path of the request field whose resource name OWN is judged by."""
    whose_left_out: bool = False
    """Whether the name may leave out whose the resource is (`operators/-/…`): the service judges what it finds."""
    writes: bool = False
    """Whether it changes anything: refused while its events could not be heard."""


_REGISTRATION = "/lowsky.api.registration.v1."
_AIRSPACE = "/lowsky.api.airspace.v1."
_PLANS = "/lowsky.api.flightplans.v1.FlightPlansService/"
_APPROVALS = "/lowsky.api.approvals.v1.ApprovalsService/"

_WHOSE_LEFT_OUT = "operators/-/"

_REGISTRAR = {Role.REGISTRAR: Scope.ANY}
_EVERYONE = dict.fromkeys(Role, Scope.ANY)
_OPERATOR_WRITES = {Role.OPERATOR: Scope.OWN}
_PLAN_READERS = {Role.OPERATOR: Scope.OWN, Role.OFFICER: Scope.AUTHORITY}

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
    # Each message of the stream names its parent: the service judges each by the same rule.
    _PLANS + "SubmitFlightPlans": AccessRule(_OPERATOR_WRITES, "parent", writes=True),
    _PLANS + "GetFlightPlan": AccessRule(_PLAN_READERS, "name", whose_left_out=True),
    _PLANS + "ListFlightPlans": AccessRule(_PLAN_READERS, "parent"),
    _PLANS + "WithdrawFlightPlan": AccessRule(_OPERATOR_WRITES, "name", writes=True),
    _PLANS + "ActivateFlightPlan": AccessRule(_OPERATOR_WRITES, "name", writes=True),
    _PLANS + "EndFlightPlan": AccessRule(_OPERATOR_WRITES, "name", writes=True),
    _PLANS + "ReportFlightPlanState": AccessRule(_OPERATOR_WRITES, "name", writes=True),
    # It tells when airspace is held, never by whom.
    _PLANS + "QueryAirspace": AccessRule(_EVERYONE),
    _PLANS + "WatchFlightPlans": AccessRule(_PLAN_READERS, "parent"),
    _APPROVALS + "GetApproval": AccessRule({Role.OPERATOR: Scope.OWN, Role.OFFICER: Scope.AUTHORITY}),
    _APPROVALS + "ListApprovals": AccessRule({Role.OPERATOR: Scope.OWN, Role.OFFICER: Scope.AUTHORITY}),
    _APPROVALS + "DecideApproval": AccessRule({Role.OFFICER: Scope.AUTHORITY}, writes=True),
}


REACHES_MAX = 10_000
"""Callers and RPCs of which it is remembered how far they reach: as many as verified tokens (tokens.py)."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a caller's roles reach for one RPC: the union of what each of them grants."""

    everything: bool = False
    operator: str | None = None
    """What lies beneath this operator (``operators/x``)."""
    authority: str | None = None
    """What concerns this authority (``authorities/x``)."""
    applicant: str | None = None
    """What this subject applied for."""

    def covers_operator(self, resource: str) -> bool:
        """Whether a resource name lies beneath the caller's own operator, or everything is within reach."""
        if self.everything:
            return True
        return self.operator is not None and (resource == self.operator or resource.startswith(f"{self.operator}/"))


@lru_cache(maxsize=REACHES_MAX)
def reach_of(method: str, caller: Caller) -> Reach:
    """How far the caller reaches with an RPC.

    Raises:
        Forbidden: None of the caller's roles may call it, or it has no row.
    """
    rule = RULES.get(method)
    granted = {scope for role, scope in rule.grants.items() if caller.has(role)} if rule else set()
    if not granted:
        raise Forbidden("ROLE_MISSING", "none of your roles may do this")
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
    if not (rule.whose_left_out and resource.startswith(_WHOSE_LEFT_OUT)):
        require_within_reach(reach, resource)


def require_within_reach(reach: Reach, resource: str) -> None:
    """Refuses early what lies outside, where nothing but the caller's own operator is within reach.

    With AUTHORITY or APPLICANT in reach the service decides, since it takes stored data.

    Raises:
        NotFound: That it may exist is nobody else's business.
    """
    if reach.authority is None and reach.applicant is None and not reach.covers_operator(resource):
        raise NotFound(resource)
