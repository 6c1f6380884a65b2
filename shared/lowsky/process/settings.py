"""The settings of a process in words: read from its configuration class, for `--help`, for the reference in
`deploy/README.md`, and for the error when they are wrong."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

COLUMNS: Final = 100
"""Width of the help."""

_CODE = re.compile(r"``([^`]*)``")
_BOUNDS: Final = (("ge", "at least {}"), ("gt", "more than {}"), ("le", "at most {}"), ("min_length", "{} characters"))


@dataclass(frozen=True, slots=True)
class Setting:
    """An environment variable of a process."""

    variable: str
    meaning: str
    """The docstring of the field, on one line."""
    default: str | None
    """None: it is required. Empty: without it, as its meaning says."""
    limits: str
    """The values that it may have; empty where the meaning says all."""

    @property
    def default_text(self) -> str:
        """What holds where the variable is not set."""
        return "required" if self.default is None else self.default or "not set"


def settings_of(config_type: type[BaseSettings]) -> Sequence[Setting]:
    """The settings of a configuration class: the required ones first, then in the order of their declaration.

    Raises:
        ValueError: A field has no docstring.
    """
    found = [_setting(config_type, name, field) for name, field in config_type.model_fields.items()]
    return sorted(found, key=lambda setting: setting.default is not None)


def _setting(config_type: type[BaseSettings], name: str, field: FieldInfo) -> Setting:
    if not field.description:
        raise ValueError(f"{config_type.__name__}.{name} has no docstring that says what it means")
    meaning = _CODE.sub(r"`\1`", " ".join(field.description.split()))
    return Setting(_variable(config_type, name), meaning, _default(field), _limits(field))


def _variable(config_type: type[BaseSettings], name: str) -> str:
    return f"{config_type.model_config.get('env_prefix', '')}{name}".upper()


def _default(field: FieldInfo) -> str | None:
    value = field.get_default()
    if value is PydanticUndefined:
        return None
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:g}"
    return str(value.value if isinstance(value, Enum) else value)


def _limits(field: FieldInfo) -> str:
    texts = [
        text.format(f"{limit:_g}".replace("_", " ") if isinstance(limit, float) else f"{limit:_}".replace("_", " "))
        for bound, text in _BOUNDS
        for rule in field.metadata
        if (limit := getattr(rule, bound, None)) is not None
    ]
    return ", ".join(texts)


def usage(name: str, config_type: type[BaseSettings]) -> str:
    """The help of a service."""
    lines = [
        f"usage: python -m lowsky.{name}            serves, until SIGTERM or SIGINT",
        f"       python -m lowsky.{name} migrate    creates or updates its schema, and exits",
        f"       python -m lowsky.{name} --help     shows this",
        "",
        "It is configured by environment variables:",
    ]
    for setting in settings_of(config_type):
        allowed = f"; {setting.limits}" if setting.limits else ""
        lines += ["", f"  {setting.variable} ({setting.default_text}{allowed})"]
        indent = " " * 6
        lines += textwrap.wrap(setting.meaning, COLUMNS, initial_indent=indent, subsequent_indent=indent)
    return "\n".join(lines)


def problems(error: ValidationError, name: str, config_type: type[BaseSettings]) -> str:
    """Why a service does not start with its settings: one line for each, never with the value."""
    by_variable = {setting.variable: setting for setting in settings_of(config_type)}
    lines = [f"lowsky.{name} cannot start with these settings:"]
    for fault in error.errors(include_url=False, include_input=False, include_context=False):
        variable = _variable(config_type, str(fault["loc"][0])) if fault["loc"] else ""
        if fault["type"] == "missing" and variable in by_variable:
            lines.append(f"  {variable} is required: {by_variable[variable].meaning}")
        else:
            text = fault["msg"].removeprefix("Value error, ")
            lines.append(f"  {variable}: {text}" if variable else f"  {text}")
    return "\n".join([*lines, f"`python -m lowsky.{name} --help` lists all settings."])


def markdown_table(configs: Iterable[tuple[str, type[BaseSettings]]]) -> str:
    """The reference of the settings of several services, as a table: those of all of them first."""
    services: dict[Setting, list[str]] = {}
    count = 0
    for name, config_type in configs:
        count += 1
        for setting in settings_of(config_type):
            services.setdefault(setting, []).append(name)
    rows = ["| setting | of | default | meaning |", "|---|---|---|---|"]
    for setting in sorted(services, key=lambda s: (len(services[s]) < count, services[s])):
        of = "all" if len(services[setting]) == count else ", ".join(services[setting])
        default = f"`{setting.default}`" if setting.default else setting.default_text
        limits = f" ({setting.limits}.)" if setting.limits else ""
        cells = (f"`{setting.variable}`", of, default, setting.meaning + limits)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows)
