"""What the authorisation table grants."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lowsky.auth.caller import Caller, Role
from lowsky.auth.rules import RULES, reach_of
from lowsky.errors import Forbidden

AUTHORITY = "authorities/cn-shanghai"
AUDITOR = Caller("auditor", frozenset({Role.AUDITOR}), authority=AUTHORITY)
OFFICER = Caller("officer", frozenset({Role.OFFICER}), authority=AUTHORITY)


@pytest.mark.parametrize("method", RULES)
def test_an_auditor_reads_what_an_officer_reads_and_changes_nothing(method: str) -> None:
    if RULES[method].writes or Role.OFFICER not in RULES[method].grants:
        with pytest.raises(Forbidden):
            reach_of(method, AUDITOR)
    else:
        assert reach_of(method, AUDITOR) == reach_of(method, OFFICER)


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.OFFICER, Role.PUBLISHER])
def test_who_acts_for_an_authority_must_name_it(role: Role) -> None:
    named = Caller("somebody", frozenset({role}), authority=AUTHORITY)
    assert named.has(role)
    assert not replace(named, authority=None, operator="operators/acme").has(role)


def test_an_auditor_without_an_authority_reads_no_case() -> None:
    with pytest.raises(Forbidden):
        reach_of("/lowsky.api.approvals.v1.ApprovalsService/GetApproval", replace(AUDITOR, authority=None))
