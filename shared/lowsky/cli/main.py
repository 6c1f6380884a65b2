"""`lowsky`: for operators, officers, and administrators of an installation."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from lowsky.cli import exits, streams
from lowsky.cli.extras import on_local_stack
from lowsky.cli.output import Format, Output
from lowsky.cli.root import HELP_OPTIONS, Root
from lowsky.cli.session.session import Session

_LOCAL = on_local_stack(
    "; on a machine where `lowsky up` runs, only `--as` is needed, as in `lowsky plan list --as operator:acme`"
)

HELP = f"""Submit flight plans, follow their decisions, and watch all events.

Addresses of the services and credentials are given by options or environment variables{_LOCAL}. Global options may be
placed anywhere.

{exits.HELP}"""

app = typer.Typer(
    cls=Root,
    help=HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=True,
    context_settings=HELP_OPTIONS,
)


def _endpoint(variable: str) -> object:
    return typer.Option(envvar=variable, metavar="HOST:PORT", help="Default: the local stack's.")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lowsky {version('lowsky')}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    output: Annotated[
        Format, typer.Option("--output", "-o", envvar="LOWSKY_OUTPUT", help="Results as tables, or as protobuf JSON.")
    ] = Format.TABLE,
    registration: Annotated[str | None, _endpoint("LOWSKY_REGISTRATION")] = None,
    airspace: Annotated[str | None, _endpoint("LOWSKY_AIRSPACE")] = None,
    flightplans: Annotated[str | None, _endpoint("LOWSKY_FLIGHTPLANS")] = None,
    approvals: Annotated[str | None, _endpoint("LOWSKY_APPROVALS")] = None,
    acting_as: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="ROLE[:NAME]",
            help="Development only: a token of the local stack's issuer, as in operator:acme, officer:caac-east, "
            "publisher:caac-east, registrar, administrator, applicant:alice; several with commas.",
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            envvar="LOWSKY_TOKEN_FILE",
            help="A file with the token. Else LOWSKY_TOKEN, else client credentials: LOWSKY_TOKEN_URL, "
            "LOWSKY_CLIENT_ID, LOWSKY_CLIENT_SECRET, LOWSKY_TOKEN_SCOPE.",
        ),
    ] = None,
    tls: Annotated[
        bool | None,
        typer.Option("--tls/--no-tls", envvar="LOWSKY_TLS", help="Default: TLS, except for loopback addresses."),
    ] = None,
    tls_ca: Annotated[
        Path | None, typer.Option("--tls-ca", envvar="LOWSKY_TLS_CA", help="PEM file of the authority to trust.")
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """See HELP."""
    given = {
        "registration": registration,
        "airspace": airspace,
        "flightplans": flightplans,
        "approvals": approvals,
    }
    context.obj = Session(Output(output), given, acting_as, token_file, tls, tls_ca)


def main() -> None:
    """The `lowsky` command."""
    streams.protect()
    app(prog_name="lowsky")


if __name__ == "__main__":
    main()
