import pytest

from lowsky.local.parts.tokens import ROLES, TTL_S_MAX, Invalid, token_request


def test_a_subject_is_enough() -> None:
    wanted = token_request({"subject": "pilot"})
    assert (wanted.roles, wanted.operator, wanted.authority, wanted.ttl_s) == ((), None, None, 3600)


def test_every_known_role_is_accepted_once() -> None:
    assert token_request({"subject": "x", "roles": [*ROLES, *ROLES]}).roles == ROLES


@pytest.mark.parametrize("ttl", [1, TTL_S_MAX])
def test_lifetimes_up_to_a_day_are_accepted(ttl: int) -> None:
    assert token_request({"subject": "x", "ttl_seconds": ttl}).ttl_s == ttl


@pytest.mark.parametrize("ttl", [0, -1, TTL_S_MAX + 1, 1.5, "60", True, None])
def test_other_lifetimes_are_refused(ttl: object) -> None:
    with pytest.raises(Invalid, match="ttl_seconds"):
        token_request({"subject": "x", "ttl_seconds": ttl})


@pytest.mark.parametrize("name", ["a", "operators/acme", "a.b@example.org", "x" * 200])
def test_ids_resource_names_and_addresses_are_names(name: str) -> None:
    wanted = token_request({"subject": name, "operator": name, "authority": name})
    assert (wanted.subject, wanted.operator, wanted.authority) == (name, name, name)


@pytest.mark.parametrize("name", ["", "x" * 201, "/a", "a b", "a\n", "ü", 7, None, ["a"]])
def test_other_subjects_are_refused(name: object) -> None:
    with pytest.raises(Invalid, match="subject"):
        token_request({"subject": name})


@pytest.mark.parametrize("roles", ["officer", [1], {"officer": 1}, None, ["Officer"]])
def test_roles_are_a_list_of_known_names(roles: object) -> None:
    with pytest.raises(Invalid, match="roles"):
        token_request({"subject": "x", "roles": roles})
