"""Addresses of this very machine: no proxy of the environment leads there, and secrets may travel in the clear."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether a host name or address, without its port, is this machine."""
    host = host.strip("[]").rstrip(".").lower()
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def is_loopback_target(target: str) -> bool:
    """The same of what gRPC connects to: ``host:port``, ``dns:///host:port``, ``ipv4:…``, ``ipv6:[…]``, ``unix:…``."""
    scheme, colon, rest = target.partition(":")
    if colon and scheme in ("unix", "unix-abstract"):
        return True
    address = rest.rpartition("/")[2] if colon and scheme in ("dns", "ipv4", "ipv6") else target
    if address.startswith("["):
        return is_loopback(address[1:].partition("]")[0])
    host = address.rpartition(":")[0] if address.count(":") == 1 else address
    return is_loopback(host)
