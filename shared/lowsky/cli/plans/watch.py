"""`lowsky plan watch`: follow one plan until its decision, or all plans of an operator until interrupted."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lowsky.cli.deferred import deferred
from lowsky.cli.exits import Exit
from lowsky.cli.options import Operator
from lowsky.cli.problems import invalid
from lowsky.cli.session.session import Session, session_of
from lowsky.cli.values import child, resource
from lowsky.text_files import NotText, decode

if TYPE_CHECKING:
    from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
    from lowsky.cli.plans import plan_views
    from lowsky.client import Client
else:
    pb = deferred("lowsky.api.flightplans.v1.flight_plans_pb2")
    plan_views = deferred("lowsky.cli.plans.plan_views")


def watch(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(help="A plan, or an operator (operators/acme). Default: your operator.")
    ] = None,
    operator: Operator = None,
    until_final: Annotated[
        bool, typer.Option("--until-final", help="For a plan: continue after the decision, until the flight ends.")
    ] = False,
    resume_token: Annotated[
        str, typer.Option("--resume-token", help="Continue after this point of an earlier watch.")
    ] = "",
    token_store: Annotated[
        Path | None,
        typer.Option("--token-store", help="A file that keeps the resume token, so that a restart misses nothing."),
    ] = None,
) -> None:
    """Print changes as they happen; for a plan until it is decided (exit code 0 approved, 8 not)."""
    session = session_of(context)
    plan, parent = _target(session, name, operator)
    if token_store is not None and not resume_token and token_store.exists():
        try:
            resume_token = decode(token_store.read_bytes()).strip()
        except NotText as error:
            raise invalid("UNREADABLE_FILE", f"{token_store}: {error}") from None
    follower = _Follower(session, plan, until_final, token_store)
    raise typer.Exit(session.run(lambda client: follower.follow(client, parent, resume_token)))


class _Follower:
    """Follows a watch and prints it."""

    def __init__(self, session: Session, plan: str | None, until_final: bool, token_store: Path | None) -> None:
        self._output = session.output
        self._plan = plan
        self._until_final = until_final
        self._token_store = token_store
        self._etag = ""

    async def follow(self, client: Client, parent: str, resume_token: str) -> int:
        if self._plan is not None and not resume_token:
            return await self._follow_from_now(client, parent)
        async with aclosing(client.watch_flight_plans(parent, resume_token)) as responses:
            async for response in responses:
                if (code := self._update(response)) is not None:
                    return code
        return Exit.OK

    async def _follow_from_now(self, client: Client, parent: str) -> int:
        """Reads the plan once the watch has started, and again at its first checkpoint."""
        plan = await client.get_flight_plan(self._plan or "")
        if (code := self._update(pb.WatchFlightPlansResponse(flight_plan=plan))) is not None:
            return code
        begun = False
        async with aclosing(client.watch_flight_plans(parent)) as responses:
            async for response in responses:
                if (code := self._update(response)) is not None:
                    return code
                if not begun:
                    # The watch does not report changes between the first reading and its own start.
                    begun = True
                    plan = await client.get_flight_plan(self._plan or "")
                    if (code := self._update(pb.WatchFlightPlansResponse(flight_plan=plan))) is not None:
                        return code
        return Exit.OK

    def _update(self, response: pb.WatchFlightPlansResponse) -> int | None:
        """Prints an update; returns the exit code when there is nothing more to wait for."""
        code = None
        plan = response.flight_plan
        concerned = self._plan is None or plan.name == self._plan
        if response.WhichOneof("update") == "flight_plan" and concerned and (self._etag != plan.etag or not plan.etag):
            self._etag = plan.etag if self._plan is not None else ""
            self._output.line(response, lambda: plan_views.update_line(plan))
            done = plan_views.is_over(plan) or not (self._until_final or plan.state in plan_views.UNDECIDED)
            if self._plan is not None and done:
                code = int(plan_views.exit_of_state(plan))
        if self._token_store is not None and response.resume_token:
            self._token_store.write_text(response.resume_token + "\n", encoding="utf-8")
        return code


def _target(session: Session, name: str | None, operator: str | None) -> tuple[str | None, str]:
    """The plan, if it is one, and the parent to watch."""
    owner = session.operator(operator)
    if name is None:
        if owner is None:
            raise invalid("OPERATOR_MISSING", "whose plans?", "name a plan or an operator")
        return None, owner
    if name.startswith("operators/") and name.count("/") == 1:
        return None, name if name == "operators/-" else resource("operators", name)
    plan = child("flightPlans", name, owner)
    return plan, plan.partition("/flightPlans/")[0]
