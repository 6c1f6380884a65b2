"""Modules that are imported on first use, so that `--help`, and a command that does not need them, do not wait.

The interpreter needs most of a second for gRPC, the generated messages and rich together.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any


class Deferred(ModuleType):
    """What stands for a module until one of its attributes is read, and passes every one on."""

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self.__name__), name)


def deferred(name: str) -> Any:
    """Stands for a module, which is imported once one of its attributes is read."""
    return Deferred(name)
