"""Channels whose calls carry a token, and do not wait for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc

CALL_S_MAX = 20.0
"""Of a unary call on a busy machine: a test that hangs says where."""

_OPTIONS = [
    ("grpc.enable_http_proxy", 0),
    # A restarted service is found again at once.
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    # Each channel has a connection of its own: what one test does to it is not seen by another.
    ("grpc.use_local_subchannel_pool", 1),
]


def open_channel(address: str) -> grpc.aio.Channel:
    """A channel to one worker."""
    return grpc.aio.insecure_channel(address, options=_OPTIONS)


class WithToken:
    """Stands for a channel where stubs are made: every call gets the token, unary ones a deadline.

    Simpler than interceptors, and streams stay as they are.
    """

    def __init__(self, channel: grpc.aio.Channel, token: str | None) -> None:
        self._channel = channel
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()

    def unary_unary(self, *args: Any, **kwargs: Any) -> Any:
        return self._with_token(self._channel.unary_unary(*args, **kwargs), CALL_S_MAX)

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        return self._with_token(self._channel.unary_stream(*args, **kwargs), None)

    def stream_unary(self, *args: Any, **kwargs: Any) -> Any:
        return self._with_token(self._channel.stream_unary(*args, **kwargs), None)

    def stream_stream(self, *args: Any, **kwargs: Any) -> Any:
        return self._with_token(self._channel.stream_stream(*args, **kwargs), None)

    def _with_token(self, call: Callable[..., Any], timeout_s: float | None) -> Callable[..., Any]:
        def with_token(*args: Any, metadata: Any = (), timeout: float | None = timeout_s, **kwargs: Any) -> Any:
            return call(*args, metadata=(*self._metadata, *metadata), timeout=timeout, **kwargs)

        return with_token
