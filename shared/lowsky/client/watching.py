"""A watch that resumes automatically after lost connections, restarts and expired tokens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import grpc

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.client.calls import Calls
from lowsky.client.errors import LowskyApiError, Unavailable

SILENCE_S_MAX = 60.0
"""The server sends checkpoints while nothing happens; after this long without one, the watch moves to another
worker."""


async def watch_flight_plans(
    calls: Calls,
    method: grpc.aio.UnaryStreamMultiCallable[pb.WatchFlightPlansRequest, pb.WatchFlightPlansResponse],
    parent: str,
    resume_token: str = "",
    *,
    silence_s_max: float = SILENCE_S_MAX,
) -> AsyncGenerator[pb.WatchFlightPlansResponse, None]:
    """Every change of the plans of a parent, from now or after a resume token.

    Raises:
        OutOfRange: The token lies before what is retained: list the plans, and watch from now.
        LowskyApiError: An error that a retry cannot resolve, or did not within the attempts of the policy.
    """
    tries = calls.tries()
    while True:
        call: grpc.aio.UnaryStreamCall[pb.WatchFlightPlansRequest, pb.WatchFlightPlansResponse] | None = None
        failure: LowskyApiError
        try:
            metadata = await tries.metadata()
            request = pb.WatchFlightPlansRequest(parent=parent, resume_token=resume_token)
            call = method(request, metadata=metadata)
            while True:
                async with asyncio.timeout(silence_s_max):
                    response = await call.read()
                if not isinstance(response, pb.WatchFlightPlansResponse):
                    break
                tries.progressed()
                resume_token = response.resume_token or resume_token
                yield response
            failure = Unavailable("SHUTTING_DOWN", "the server ended the watch", correlation_id=tries.correlation_id)
        except TimeoutError:
            text = f"nothing was received for {silence_s_max:g} s, not even a checkpoint"
            failure = Unavailable("WATCH_SILENT", text, correlation_id=tries.correlation_id)
        except (grpc.aio.AioRpcError, LowskyApiError, asyncio.CancelledError) as raw:
            failure = tries.error(raw)
        finally:
            # An abandoned call of grpc.aio is neither garbage-collected nor cancelled.
            if call is not None:
                call.cancel()
        pause_s = tries.pause_s(failure)
        if pause_s is None:
            raise failure
        await asyncio.sleep(pause_s)
