"""Every RPC of the contract is answered by a service of ours."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
from google.protobuf.descriptor import ServiceDescriptor

from tests.architecture.contract import services


def _service_of(descriptor: ServiceDescriptor) -> str:
    """lowsky.api.registration.v1.OperatorsService is lowsky.registration's."""
    return f"lowsky.{descriptor.full_name.split('.')[2]}"


@pytest.mark.parametrize("descriptor", list(services()), ids=lambda descriptor: descriptor.full_name)
def test_no_rpc_answers_unimplemented(descriptor: ServiceDescriptor) -> None:
    """The generated servicer answers UNIMPLEMENTED: each of its methods must be overridden by ours."""
    api = importlib.import_module(descriptor.file.name.replace("/", ".").removesuffix(".proto") + "_pb2_grpc")
    generated = getattr(api, f"{descriptor.name}Servicer")
    package = importlib.import_module(_service_of(descriptor))
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    ours = [c for c in generated.__subclasses__() if c.__module__.startswith(f"{package.__name__}.")]
    assert len(ours) == 1, f"{len(ours)} classes answer {descriptor.full_name}"
    assert [method.name for method in descriptor.methods if method.name not in vars(ours[0])] == []
