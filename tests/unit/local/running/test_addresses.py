import socket
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from lowsky.local.parts import postgres
from lowsky.local.running.ports import PORT_FIRST, PORT_LAST, free_port, is_free
from lowsky.local.running.remembered import remembered_port


def test_a_short_directory_holds_its_own_socket() -> None:
    assert postgres.socket_directory(Path("/srv/lowsky")) == Path("/srv/lowsky/postgres/socket")


@pytest.mark.parametrize("state_dir", ["/srv/" + "x" * 100, "/srv/" + "ü" * 45, "/srv/a,b"])
def test_a_directory_that_no_socket_fits_in_gets_a_short_one(state_dir: str) -> None:
    sockets = postgres.socket_directory(Path(state_dir))
    assert not str(sockets).startswith("/srv")
    assert len(str(sockets / postgres.SOCKET_NAME).encode()) <= postgres.SOCKET_PATH_BYTES_MAX
    assert sockets == postgres.socket_directory(Path(state_dir)), "the same each time"
    assert sockets != postgres.socket_directory(Path(state_dir + "y"))


def test_an_overlong_runtime_directory_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / ("r" * 90)))
    sockets = postgres.socket_directory(Path("/srv/" + "x" * 100))
    assert len(str(sockets / postgres.SOCKET_NAME).encode()) <= postgres.SOCKET_PATH_BYTES_MAX


def test_the_url_names_the_socket_whatever_its_characters() -> None:
    url = urlsplit(postgres.database_url(Path("/srv/50% & more")))
    assert parse_qs(url.query)["host"] == ["/srv/50% & more/postgres/socket"]
    assert url.path == "/lowsky"


def test_a_taken_port_is_not_free() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert not is_free(taken.getsockname()[1])
        assert free_port(preferred=taken.getsockname()[1]) != taken.getsockname()[1]


def test_free_ports_lie_below_the_ephemeral_range() -> None:
    assert all(PORT_FIRST <= free_port() <= PORT_LAST for _ in range(20))


def test_a_name_keeps_its_port_and_shares_it_with_none(tmp_path: Path) -> None:
    first = {name: remembered_port(tmp_path, name) for name in ("a", "b", "c")}
    assert len(set(first.values())) == 3
    assert {name: remembered_port(tmp_path, name) for name in ("c", "b", "a")} == first


def test_a_fixed_port_is_taken_as_it_is(tmp_path: Path) -> None:
    assert remembered_port(tmp_path, "console", fixed=8080) == 8080
