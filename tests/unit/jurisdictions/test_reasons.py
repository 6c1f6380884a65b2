"""The reason codes: those that are shipped, and what a file of them must be."""

from __future__ import annotations

from pathlib import Path

import pytest

from lowsky.api.approvals.v1 import approvals_pb2
from lowsky.errors import Invalid
from lowsky.jurisdictions.reasons import USES, ReasonCodes
from lowsky.jurisdictions.rule_files import InvalidRules

REASON = """
[[reason]]
code = "{code}"
uses = ["{use}"]
texts = {{ en = "Fog.", zh = "雾。" }}
source = "house rules"
verified = true
"""


def folder(path: Path, text: str, jurisdiction: str = "GBR") -> Path:
    (path / jurisdiction).mkdir(parents=True, exist_ok=True)
    (path / jurisdiction / "reasons.toml").write_text(text, encoding="utf-8")
    return path


def test_the_uses_are_those_of_the_contract() -> None:
    names = {name.removeprefix("USE_") for name in approvals_pb2.ReasonCode.Use.keys()}  # noqa: SIM118
    assert names - {"UNSPECIFIED"} == USES


@pytest.mark.parametrize("use", sorted(USES))
def test_every_use_has_codes_in_every_language(use: str) -> None:
    codes = [code for code in ReasonCodes.read("CHN").all() if use in code.uses]
    assert codes
    assert all(code.texts.keys() == {"en", "zh"} and all(code.texts.values()) for code in codes)


def test_a_jurisdictions_codes_are_of_its_installations_alone() -> None:
    chinese, british = ({code.code for code in ReasonCodes.read(own).all()} for own in ("CHN", "GBR"))
    assert chinese - british == {"CHN_CONTROLLED_AIRSPACE"}
    assert british


def test_an_installation_adds_its_own(tmp_path: Path) -> None:
    codes = ReasonCodes.read("GBR", folder(tmp_path, REASON.format(code="FOG", use="RESCISSION")))
    codes.require(["FOG", "OTHER"], "RESCISSION")
    with pytest.raises(Invalid):
        codes.require(["FOG"], "GRANT")


def test_an_unknown_code_is_refused_with_those_that_are_allowed() -> None:
    with pytest.raises(Invalid) as refused:
        ReasonCodes.read("GBR").require(["WEATHER", "WETHER"], "REJECTION")
    assert "WETHER" in str(refused.value)
    assert "WEATHER" in str(refused.value)
    assert "PUBLIC_INTEREST" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        REASON.format(code="fog", use="GRANT"),
        REASON.format(code="FOG", use="WHIM"),
        REASON.format(code="FOG", use="GRANT") * 2,
        REASON.format(code="OTHER", use="GRANT"),
        REASON.format(code="FOG", use="GRANT").replace(', zh = "雾。"', ""),
        REASON.format(code="FOG", use="GRANT") + 'colour = "grey"',
    ],
    ids=["lower case", "unknown use", "twice", "twice with everybody's", "a language missing", "unknown key"],
)
def test_a_file_that_is_wrong_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidRules):
        ReasonCodes.read("GBR", folder(tmp_path, text))
