"""What the largest requests cost before any service sees them: processor time by the byte, and memory."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from google.protobuf.message import Message

from lowsky.errors import Invalid
from lowsky.rpc.limits import RECEIVED_BYTES_MAX, REQUEST_BYTES_MAX, request_bytes_max, require_size
from lowsky.rpc.validation import validate
from tests.architecture.contract import methods
from tests.support.requests import flooded, largest, lists_of, request_class

CPU_S = 0.1
"""Of any request, however small: rules are compiled when they are first used, and a busy machine measures badly."""

CPU_US_PER_BYTE = 1.0
"""Half a second for the largest request. Judging each element of a list that is too long took 12."""

GROWTH_BYTES_MAX = 64 * 1024 * 1024
"""By which a process grows that takes one request of 512 KiB. It was some 3 GB."""

METHODS = sorted(methods())


def cpu_s(work: Callable[[], object]) -> float:
    """Of the thread alone: what else the machine does does not count. The least of three, after a first."""
    best = float("inf")
    for _ in range(4):
        begun = time.thread_time()
        with suppress(Invalid):
            work()
        best = min(best, time.thread_time() - begun)
    return best


def judged(cls: type[Message], method: str, raw: bytes) -> None:
    require_size(method, len(raw))
    validate(cls.FromString(raw))


@pytest.mark.parametrize("method", METHODS)
def test_the_largest_legal_request_takes_time_by_its_size(method: str) -> None:
    descriptor = methods()[method]
    limit = request_bytes_max(method)
    raw = largest(descriptor.input_type, limit - 1_000).SerializeToString()[: limit + 1]
    cls = request_class(descriptor)
    spent = cpu_s(lambda: judged(cls, method, raw))
    assert spent < CPU_S + CPU_US_PER_BYTE * 1e-6 * len(raw)


@pytest.mark.parametrize("method", METHODS)
def test_a_list_that_is_flooded_takes_time_by_its_size(method: str) -> None:
    descriptor = methods()[method]
    cls, limit = request_class(descriptor), request_bytes_max(method)
    for way in lists_of(descriptor.input_type):
        raw = flooded(cls, way, limit - 100)
        spent = cpu_s(lambda raw=raw: judged(cls, method, raw))  # type: ignore[misc]  # it is called before the next one
        assert spent < CPU_S + CPU_US_PER_BYTE * 1e-6 * len(raw), [field.name for field in way]


@pytest.mark.parametrize("method", METHODS)
def test_a_request_that_is_larger_than_its_method_takes_is_refused_unread(method: str) -> None:
    limit = request_bytes_max(method)
    require_size(method, limit)
    with pytest.raises(Invalid) as refused:
        require_size(method, limit + 1)
    assert refused.value.reason == "TOO_LARGE"
    assert refused.value.metadata == {"limit": str(limit), "size": str(limit + 1)}


def test_no_limit_is_above_what_is_received() -> None:
    assert REQUEST_BYTES_MAX <= max(map(request_bytes_max, METHODS)) < RECEIVED_BYTES_MAX


def test_every_method_with_a_limit_of_its_own_exists() -> None:
    from lowsky.rpc.limits import _LARGER

    assert _LARGER.keys() <= set(METHODS)


MEMORY = """
import json, pathlib, sys
from contextlib import suppress
from lowsky.errors import Invalid
from lowsky.rpc.validation import validate
from tests.architecture.contract import methods
from tests.support.requests import flooded, lists_of, request_class
from lowsky.rpc.limits import request_bytes_max

def resident(name):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))

def take(method, descriptor):
    for way in lists_of(descriptor.input_type):
        with suppress(Invalid):
            validate(cls.FromString(flooded(cls, way, request_bytes_max(method))))

for method, descriptor in sorted(methods().items()):
    cls = request_class(descriptor)
    with suppress(Invalid):
        validate(cls())  # compiles the rules
before = resident("VmRSS")
for method, descriptor in sorted(methods().items()):
    cls = request_class(descriptor)
    take(method, descriptor)
print(json.dumps(resident("VmHWM") - before))
"""


def test_no_request_makes_a_process_grow_much() -> None:
    run = subprocess.run([sys.executable, "-c", MEMORY], check=True, capture_output=True, text=True, timeout=200)
    assert json.loads(run.stdout) < GROWTH_BYTES_MAX
