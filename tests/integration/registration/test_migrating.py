"""`python -m lowsky.registration migrate`, as deployments run it."""

from __future__ import annotations

import asyncio
import sys

import asyncpg
import pytest

from lowsky.db import migrations
from lowsky.db.migrations import MigrationEdited, migrate
from lowsky.local.running import processes
from lowsky.local.running.processes import Command
from tests.support.installation import Installation


async def test_migrations_are_applied_once_however_many_run_them_at_once(installation: Installation) -> None:
    env = {
        "LOWSKY_DATABASE_URL": installation.database_url,
        "LOWSKY_KAFKA_BOOTSTRAP": "never.asked:1",
        "LOWSKY_TOKEN_JWKS_URL": "http://never.asked",
        "LOWSKY_TOKEN_ISSUER": "http://never.asked",
    }
    commands = [
        Command(
            (sys.executable, "-m", "lowsky.registration", "migrate"), installation.log_dir / f"migrate-{n}.log", env
        )
        for n in (1, 2)
    ]
    ended = await asyncio.gather(*(asyncio.to_thread(processes.run_to_end, command, 60) for command in commands))
    assert [code for code, _ in ended] == [0, 0], ended
    async with installation.connection() as connection:
        names = [row["name"] for row in await connection.fetch("SELECT name FROM registration.schema_migrations")]
    assert {"0001_outbox.sql", "0001_operators.sql", "0002_aircraft.sql", "0003_entitlements.sql"} <= set(names)
    assert len(names) == len(set(names))
    assert await migrate(installation.database_url, "registration") == []


async def test_a_migration_that_was_edited_after_it_landed_is_refused(installation: Installation) -> None:
    await migrate(installation.database_url, "registration")
    async with installation.connection() as connection:
        await connection.execute(
            "UPDATE registration.schema_migrations SET digest = 'another' WHERE name = '0002_aircraft.sql'"
        )
    with pytest.raises(MigrationEdited, match="0002_aircraft"):
        await migrate(installation.database_url, "registration")


async def test_numbers_that_were_stored_before_there_were_schemes_are_taken_over(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of active aircraft that share a product id, which could be, the first keeps it."""
    every = migrations.migrations_in
    with monkeypatch.context() as before:
        before.setattr(
            migrations,
            "migrations_in",
            lambda package: [m for m in every(package) if m.name < "0004" or "db" in package],
        )
        async with installation.connection() as connection:
            await connection.execute("DROP SCHEMA IF EXISTS registration CASCADE")
        await migrate(installation.database_url, "registration")
    async with installation.connection() as connection:
        await connection.execute(_BEFORE_SCHEMES)
        applied = await migrate(installation.database_url, "registration")
        assert applied == ["0004_aircraft_identifiers.sql", "0005_operator_identifier_schemes.sql"]
        await connection.execute("SET search_path = registration")
        numbers = await connection.fetch("SELECT * FROM operator_identifiers ORDER BY scheme")
        assert [(row["scheme"], row["value"], row["operator"]) for row in numbers] == [
            ("cn-uscc", "9144030071526726XG", "operators/a"),
            ("eu-operator-number", "FIN87astrdge12k8", "operators/a"),
        ]
        rows = await connection.fetch("SELECT * FROM aircraft_identifiers ORDER BY aircraft, scheme")
        assert [(row["aircraft"][-1], row["state"], row["scheme"], row["scope"], row["value"]) for row in rows] == [
            ("1", "RETIRED", "cta-2063-a", "", "S1"),
            ("1", "RETIRED", "gbt-41300", "", "P"),
            ("2", "ACTIVE", "cta-2063-a", "", "S1"),
            ("3", "ACTIVE", "cta-2063-a", "", "S3"),
            ("3", "ACTIVE", "gbt-41300", "", "P"),
            ("4", "ACTIVE", "cta-2063-a", "", "S4"),
        ]
        # Of the aircraft that lost it, the product id is no more; the serial numbers are as unique as before.
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute(
                """UPDATE aircraft_identifiers SET value = 'S3'
                   WHERE aircraft = 'operators/a/aircraft/4' AND scheme = 'cta-2063-a'"""
            )


_BEFORE_SCHEMES = """
SET search_path = registration;
INSERT INTO operators (name, version, create_time, update_time, applicant, display_name, kind, contact_person,
                       contact_email, contact_phone, certificate_number, state, state_reason)
    VALUES ('operators/a', 1, now(), now(), 'x', 'A', 'ENTERPRISE', 'Li', '', '', '', 'VERIFIED', '');
INSERT INTO operator_identifiers VALUES
    ('CN_USCC', '9144030071526726XG', 'operators/a'), ('EU_OPERATOR_NUMBER', 'FIN87astrdge12k8', 'operators/a');
INSERT INTO aircraft (name, operator, version, create_time, update_time, serial_number, cn_product_id, manufacturer,
                      model, empty_mass_kg, max_takeoff_mass_kg, max_speed_mps, eu_class, state)
    SELECT 'operators/a/aircraft/' || number, 'operators/a', 1, made, made, serial, product, 'M', 'T', 1, 2, 3,
           'UNSPECIFIED', state
    FROM (VALUES (1, '2026-01-01'::timestamptz, 'S1', 'P', 'RETIRED'), (2, '2026-01-02', 'S1', '', 'ACTIVE'),
                 (3, '2026-01-03', 'S3', 'P', 'ACTIVE'), (4, '2026-01-04', 'S4', 'P', 'ACTIVE')
         ) AS old (number, made, serial, product, state);
"""
