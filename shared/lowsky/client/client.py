"""The client: the services' calls with deadline, trace and retries, and convenience methods for common tasks."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Self, TypeVar

import grpc
from google.protobuf.message import Message

from lowsky.api.airspace.v1 import authorities_pb2_grpc, geozones_pb2, geozones_pb2_grpc
from lowsky.api.approvals.v1 import approvals_pb2, approvals_pb2_grpc
from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2, flight_plans_pb2_grpc
from lowsky.api.geo.v1 import geo_pb2
from lowsky.api.registration.v1 import aircraft_pb2_grpc, identifiers_pb2_grpc, operators_pb2_grpc
from lowsky.client import importing, watching
from lowsky.client.calls import DEADLINE_S, Calls, Req, Res, new_request_id
from lowsky.client.channels import Endpoints, MissingEndpoint, open_channel
from lowsky.client.retries import RetryPolicy
from lowsky.client.submission import submitting
from lowsky.client.tokens import StaticToken, TokenSource

ListReq = TypeVar("ListReq", bound=Message)
ListRes = TypeVar("ListRes", bound=Message)


class Client:
    """Calls the services of one installation. Use it as an async context manager, within one event loop.

    ```python
    endpoints = Endpoints(flightplans="plans.example.org:443")
    tokens = ClientCredentials("https://id.example.org/oauth2/token", "acme", secret)
    async with Client(endpoints, tokens) as client:
        plan = await client.submit_flight_plan("operators/acme", plan, wait_for_decision=timedelta(seconds=10))
    ```

    The generated stubs are the properties `operators`, `aircraft`, `identifiers`, `authorities`, `geozones`,
    `flight_plans` and `approvals`; `call(client.operators.GetOperator, request)` makes any of their calls with token,
    deadline, trace and retries.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        token: TokenSource | str | None,
        *,
        tls: bool | grpc.ChannelCredentials = True,
        retry: RetryPolicy | None = None,
    ) -> None:
        self._endpoints = endpoints
        self._tls = tls
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._calls = Calls(StaticToken(token) if isinstance(token, str) else token, retry or RetryPolicy())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends all calls and connections."""
        channels = list(self._channels.values())
        self._channels.clear()
        for channel in channels:
            await channel.close()

    def _channel(self, service: str) -> grpc.aio.Channel:
        target: str = getattr(self._endpoints, service)
        if not target:
            raise MissingEndpoint(service)
        if target not in self._channels:
            self._channels[target] = open_channel(target, self._tls)
        return self._channels[target]

    @property
    def operators(self) -> operators_pb2_grpc.OperatorsServiceAsyncStub:
        """Registered operators."""
        return operators_pb2_grpc.OperatorsServiceStub(self._channel("registration"))

    @property
    def aircraft(self) -> aircraft_pb2_grpc.AircraftServiceAsyncStub:
        """What flies."""
        return aircraft_pb2_grpc.AircraftServiceStub(self._channel("registration"))

    @property
    def identifiers(self) -> identifiers_pb2_grpc.IdentifiersServiceAsyncStub:
        """Registration numbers of operators and aircraft."""
        return identifiers_pb2_grpc.IdentifiersServiceStub(self._channel("registration"))

    @property
    def authorities(self) -> authorities_pb2_grpc.AuthoritiesServiceAsyncStub:
        """Who decides."""
        return authorities_pb2_grpc.AuthoritiesServiceStub(self._channel("airspace"))

    @property
    def geozones(self) -> geozones_pb2_grpc.GeozonesServiceAsyncStub:
        """Geozones: where flights are allowed, and whose approval they need."""
        return geozones_pb2_grpc.GeozonesServiceStub(self._channel("airspace"))

    @property
    def flight_plans(self) -> flight_plans_pb2_grpc.FlightPlansServiceAsyncStub:
        """Flight plans and their lifecycle."""
        return flight_plans_pb2_grpc.FlightPlansServiceStub(self._channel("flightplans"))

    @property
    def approvals(self) -> approvals_pb2_grpc.ApprovalsServiceAsyncStub:
        """Approvals that officers decide."""
        return approvals_pb2_grpc.ApprovalsServiceStub(self._channel("approvals"))

    async def call(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[Req, Res],
        request: Req,
        *,
        timeout_s: float = DEADLINE_S,
        correlation_id: str = "",
    ) -> Res:
        """Makes any unary call. A mutation without a request id is given one, so that retries are safe.

        Raises:
            LowskyApiError: See lowsky.client.errors.
        """
        return await self._calls.unary(method, request, timeout_s=timeout_s, correlation_id=correlation_id)

    async def pages(
        self, method: grpc.aio.UnaryUnaryMultiCallable[ListReq, ListRes], request: ListReq
    ) -> AsyncGenerator[ListRes, None]:
        """All pages of a list call. The deadline applies to each page."""
        following: Any = type(request)()
        following.CopyFrom(request)
        while True:
            page: Any = await self.call(method, following)
            yield page
            if not page.next_page_token:
                return
            following.page_token = page.next_page_token

    async def submit_flight_plan(
        self,
        parent: str,
        flight_plan: flight_plans_pb2.FlightPlan,
        *,
        request_id: str = "",
        validate_only: bool = False,
        wait_for_decision: timedelta | None = None,
        timeout_s: float | None = None,
    ) -> flight_plans_pb2.FlightPlan:
        """Submits a plan; waits up to wait_for_decision for the automatic decision. The same request id: the same
        plan."""
        request = flight_plans_pb2.SubmitFlightPlanRequest(
            request_id=request_id, parent=parent, flight_plan=flight_plan, validate_only=validate_only
        )
        wait = wait_for_decision or timedelta()
        if wait:
            request.wait_for_decision.FromTimedelta(wait)
        limit_s = wait.total_seconds() + DEADLINE_S if timeout_s is None else timeout_s
        return (await self.call(self.flight_plans.SubmitFlightPlan, request, timeout_s=limit_s)).flight_plan

    def submit_many(
        self, plans: submitting.Plans, *, in_flight_max: int = submitting.IN_FLIGHT_MAX
    ) -> AsyncGenerator[flight_plans_pb2.SubmitFlightPlansResponse, None]:
        """Submits many plans on one call: takes (key, request) pairs, yields responses as they arrive; see
        submitting."""
        return submitting.submit_many(
            self._calls, self.flight_plans.SubmitFlightPlans, plans, in_flight_max=in_flight_max
        )

    async def get_flight_plan(self, name: str) -> flight_plans_pb2.FlightPlan:
        """One plan."""
        request = flight_plans_pb2.GetFlightPlanRequest(name=name)
        return (await self.call(self.flight_plans.GetFlightPlan, request)).flight_plan

    async def list_flight_plans(
        self, parent: str, *, states: Sequence[flight_plans_pb2.State.ValueType] = (), aircraft: str = ""
    ) -> AsyncGenerator[flight_plans_pb2.FlightPlan, None]:
        """The plans of an operator, newest first."""
        request = flight_plans_pb2.ListFlightPlansRequest(parent=parent, states=states, aircraft=aircraft)
        async for page in self.pages(self.flight_plans.ListFlightPlans, request):
            for plan in page.flight_plans:
                yield plan

    async def withdraw_flight_plan(self, name: str, *, etag: str = "", reason: str = "") -> flight_plans_pb2.FlightPlan:
        """Withdraws a plan before take-off."""
        request = flight_plans_pb2.WithdrawFlightPlanRequest(name=name, etag=etag, reason=reason)
        return (await self.call(self.flight_plans.WithdrawFlightPlan, request)).flight_plan

    async def activate_flight_plan(self, name: str, *, etag: str = "") -> flight_plans_pb2.FlightPlan:
        """Activates a plan: the flight is about to start."""
        request = flight_plans_pb2.ActivateFlightPlanRequest(name=name, etag=etag)
        return (await self.call(self.flight_plans.ActivateFlightPlan, request)).flight_plan

    async def end_flight_plan(self, name: str, *, etag: str = "") -> flight_plans_pb2.FlightPlan:
        """Ends a plan: the flight is over."""
        request = flight_plans_pb2.EndFlightPlanRequest(name=name, etag=etag)
        return (await self.call(self.flight_plans.EndFlightPlan, request)).flight_plan

    async def report_flight_plan_state(
        self,
        name: str,
        state: flight_plans_pb2.State.ValueType,
        *,
        off_nominal_volumes: assessment_pb2.Volumes | None = None,
        etag: str = "",
        reason: str = "",
    ) -> flight_plans_pb2.FlightPlan:
        """Reports the state of a flight in progress (NONCONFORMING, CONTINGENT, or ACTIVATED) and where it may be."""
        request = flight_plans_pb2.ReportFlightPlanStateRequest(
            name=name, state=state, off_nominal_volumes=off_nominal_volumes, etag=etag, reason=reason
        )
        return (await self.call(self.flight_plans.ReportFlightPlanState, request)).flight_plan

    async def query_airspace(
        self,
        volumes: assessment_pb2.Volumes,
        *,
        layer_height_m: float = 0.0,
        priority: assessment_pb2.Priority.ValueType = assessment_pb2.PRIORITY_UNSPECIFIED,
        timeout_s: float = 2 * DEADLINE_S,
    ) -> Sequence[flight_plans_pb2.VolumeOccupancy]:
        """The times and altitudes at which airspace is free of flights, per volume; in layers of 30 m by default."""
        request = flight_plans_pb2.QueryAirspaceRequest(
            volumes=volumes, layer_height_m=layer_height_m, priority=priority
        )
        return (await self.call(self.flight_plans.QueryAirspace, request, timeout_s=timeout_s)).occupancies

    def watch_flight_plans(
        self, parent: str, resume_token: str = ""
    ) -> AsyncGenerator[flight_plans_pb2.WatchFlightPlansResponse, None]:
        """Every change of the plans of a parent, across lost connections. Close it (contextlib.aclosing) to end early.

        Keep the `resume_token` of the last response to continue after a restart. Before the first response there is
        none: a watch that is interrupted before it restarts from now.
        """
        return watching.watch_flight_plans(self._calls, self.flight_plans.WatchFlightPlans, parent, resume_token)

    async def import_geozones(
        self,
        source: str | Path | bytes,
        *,
        dataset: str,
        authority: str,
        title: str = "",
        authority_names: Mapping[str, str] | None = None,
        validate_only: bool = False,
        on_error: geozones_pb2.OnError.ValueType = geozones_pb2.ON_ERROR_REJECT,
        form: geozones_pb2.ZoneFileFormat.ValueType = geozones_pb2.ZONE_FILE_FORMAT_UNSPECIFIED,
        mapping: geozones_pb2.FieldMapping | None = None,
        reference_system: geo_pb2.ReferenceSystem.ValueType = geo_pb2.REFERENCE_SYSTEM_UNSPECIFIED,
        time_zone: str = "",
        terrain_m: tuple[float, float] | None = None,
        confirm_difference: str = "",
        on_progress: Callable[[int, int], None] | None = None,
    ) -> geozones_pb2.ImportGeozonesResponse:
        """Replaces a dataset by the zones of a file. GeoJSON and KML need a mapping (`read_mapping`).

        Raises:
            FailedPrecondition: Zones were refused (`error.detail(ImportReport)`); ACCEPT_VALID imports the others. Or a
                large part of the dataset would be removed: pass the digest in the error's metadata as
                `confirm_difference`.
        """
        header = geozones_pb2.ImportHeader(
            request_id=new_request_id(),
            dataset=dataset,
            title=title,
            authority=authority,
            authority_names=dict(authority_names or {}),
            validate_only=validate_only,
            on_error=on_error,
            format=form,
            mapping=mapping,
            reference_system=reference_system,
            time_zone=time_zone,
            terrain_min_m=terrain_m[0] if terrain_m else None,
            terrain_max_m=terrain_m[1] if terrain_m else None,
            confirm_difference=confirm_difference,
        )
        return await importing.import_geozones(
            self._calls, self.geozones.ImportGeozones, source, header, on_progress=on_progress
        )

    async def check_airspace(
        self,
        airspace: assessment_pb2.Trajectory | assessment_pb2.Volumes,
        *,
        timeout_s: float = 2 * DEADLINE_S,
    ) -> geozones_pb2.CheckAirspaceResponse:
        """The geozones that a flight would meet, as for a plan. Nothing is stored, and it is no permission to fly."""
        if isinstance(airspace, assessment_pb2.Trajectory):
            request = geozones_pb2.CheckAirspaceRequest(trajectory=airspace)
        else:
            request = geozones_pb2.CheckAirspaceRequest(volumes=airspace)
        return await self.call(self.geozones.CheckAirspace, request, timeout_s=timeout_s)

    async def decide_approval(
        self,
        name: str,
        outcome: approvals_pb2.Decision.Outcome.ValueType,
        *,
        etag: str,
        reason: str,
        reason_codes: Sequence[str] = (),
        request_id: str = "",
    ) -> approvals_pb2.Approval:
        """Decides an approval; the etag must be that of the approval as the officer read it.

        Args:
            reason_codes: Codes of ListReasonCodes that apply to the outcome.

        Raises:
            StaleEtag: The approval has changed meanwhile: read it again.
        """
        request = approvals_pb2.DecideApprovalRequest(
            request_id=request_id, name=name, etag=etag, outcome=outcome, reason=reason, reason_codes=reason_codes
        )
        return (await self.call(self.approvals.DecideApproval, request)).approval
