"""The contract as descriptors: every service, method and message of lowsky.api."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

import lowsky.api

ROOT = Path(__file__).parents[2]


def services() -> Iterator[ServiceDescriptor]:
    """Every service of lowsky.api."""
    for module in pkgutil.walk_packages(lowsky.api.__path__, "lowsky.api."):
        if module.name.endswith("_pb2"):
            yield from importlib.import_module(module.name).DESCRIPTOR.services_by_name.values()


def methods() -> dict[str, MethodDescriptor]:
    """Every RPC, by the path that it is called by."""
    return {f"/{service.full_name}/{method.name}": method for service in services() for method in service.methods}
