"""The operator that a token names is the default of --operator."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from lowsky.cli.session.claims import operator_in
from lowsky.cli.session.session import Session


def jwt(claims: Any) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.c2ln"


@pytest.mark.parametrize(
    ("token", "operator"),
    [
        (jwt({"lowsky_operator": "acme"}), "operators/acme"),
        (jwt({"lowsky_operator": "operators/acme"}), "operators/acme"),
        (jwt({"lowsky_operator": "-"}), None),
        (jwt({"lowsky_operator": ["acme"]}), None),
        (jwt({"sub": "alice"}), None),
        (jwt(["acme"]), None),
        ("secret", None),
        ("a.b.c", None),
        ("a.ä.c", None),
        ("", None),
    ],
)
def test_only_a_well_formed_claim_of_a_jwt_names_an_operator(token: str, operator: str | None) -> None:
    assert operator_in(token) == operator


def test_an_option_goes_before_the_token_and_a_file_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOWSKY_TOKEN", jwt({"lowsky_operator": "of-environment"}))
    file = tmp_path / "token"
    file.write_text(jwt({"lowsky_operator": "of-file"}) + "\n")
    assert Session().operator("acme") == "operators/acme"
    assert Session().operator(None) == "operators/of-environment"
    assert Session(token_file=file).require_operator(None) == "operators/of-file"
    assert Session(token_file=tmp_path / "missing").operator(None) is None
