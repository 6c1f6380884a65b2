"""Stops a stack: services first, then the issuer, Kafka and PostgreSQL; only processes that are provably its own."""

import signal
from concurrent.futures import ThreadPoolExecutor

from lowsky.local.parts import kafka, postgres
from lowsky.local.reporting import Reporter
from lowsky.local.running import processes
from lowsky.local.running.state import ProcessEntry, StackState

GRACE_S = 15
"""Time for a service to finish its calls and let go of its partitions."""


def stop_all(running: StackState, reporter: Reporter) -> None:
    """Stops every recorded process and forgets the stack. Pids that have passed to somebody else are left alone."""
    entries = list(reversed(running.entries.values()))
    services = [entry for entry in entries if entry.kind == "grpc" or (entry.kind == "http" and entry.name != "issuer")]
    if services:
        with reporter.step(f"stopping {', '.join(entry.name for entry in services)}"), ThreadPoolExecutor(16) as pool:
            notices = list(pool.map(stop, services))
        for said in filter(None, notices):
            reporter.say(said)
    for entry in entries:
        if entry in services:
            continue
        with reporter.step(f"stopping {entry.name}"):
            notice = stop(entry)
        if notice is not None:
            reporter.say(notice)
    running.forget()


def stop(entry: ProcessEntry) -> str | None:
    """Stops one process; returns what is worth saying about it."""
    if not entry.alive:
        return f"{entry.name} was not running any more (was process {entry.identity.pid})"
    if entry.kind == "postgres":
        killed = processes.stop(entry.identity, signals=postgres.STOP_SIGNALS, grace_s=GRACE_S)
    elif entry.kind == "kafka":
        killed = processes.stop(entry.identity, signals=(signal.SIGTERM,), grace_s=kafka.STOP_GRACE_S)
    else:
        killed = processes.stop(entry.identity, signals=(signal.SIGTERM,), grace_s=GRACE_S)
    return f"{entry.name} did not end when asked: killed" if killed else None
