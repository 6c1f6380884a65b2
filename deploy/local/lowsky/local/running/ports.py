"""Free loopback ports."""

import secrets
import socket

from lowsky.local.errors import StackError

LOOPBACK = "127.0.0.1"
PORT_FIRST, PORT_LAST = 20_000, 32_000
"""Below Linux' ephemeral range, so that no outgoing connection takes the port before its server does."""


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port(preferred: int | None = None, taken: frozenset[int] = frozenset()) -> int:
    """The preferred port if it is free, else a random free one that is not in `taken`."""
    if preferred is not None and preferred not in taken and is_free(preferred):
        return preferred
    for _ in range(200):
        port = PORT_FIRST + secrets.randbelow(PORT_LAST - PORT_FIRST)
        if port not in taken and is_free(port):
            return port
    raise StackError(f"no free port between {PORT_FIRST} and {PORT_LAST} on {LOOPBACK} after 200 tries")


def accepts_connections(address: str) -> bool:
    """Whether something listens at `host:port`."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=1):
            return True
    except OSError:
        return False
