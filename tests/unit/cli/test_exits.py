"""Scripts can rely on the exit codes, and on being told in their help."""

import pytest

from lowsky import client
from lowsky.cli.exits import HELP, Exit, exit_of
from lowsky.cli.root import hoist


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (client.InvalidArgument, 3),
        (client.OutOfRange, 3),
        (client.NotFound, 4),
        (client.Unauthenticated, 5),
        (client.PermissionDenied, 5),
        (client.AlreadyExists, 6),
        (client.FailedPrecondition, 6),
        (client.StaleEtag, 6),
        (client.Unavailable, 7),
        (client.DeadlineExceeded, 7),
        (client.ResourceExhausted, 7),
        (client.Internal, 1),
        (client.LowskyApiError, 1),
    ],
)
def test_each_error_has_its_code(kind: type[client.LowskyApiError], code: int) -> None:
    assert exit_of(kind("REASON", "text")) == code


def test_the_help_names_every_code() -> None:
    for code in Exit:
        assert str(code.value) in HELP.split()


@pytest.mark.parametrize(
    ("given", "hoisted"),
    [
        ("plan list --output json --limit 3", "--output json plan list --limit 3"),
        ("plan list --as=operator:x -o json", "--as=operator:x -o json plan list"),
        ("plan list -- --output json", "plan list -- --output json"),
        ("plan list --output", "--output plan list"),
        ("--no-tls plan list", "--no-tls plan list"),
        ("plan list --operator x", "plan list --operator x"),
    ],
)
def test_global_options_may_stand_anywhere(given: str, hoisted: str) -> None:
    assert hoist(given.split()) == hoisted.split()
