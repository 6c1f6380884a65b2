"""Migrations run while workers of the version before go on: what a new file may not do to tables that are there."""

from __future__ import annotations

import re

import pytest

from lowsky.db.migrations import Migration, migrations_in

SCHEMAS = ("registration", "airspace", "flightplans", "approvals")
ALL = [m for package in ("lowsky.db.sql", *(f"lowsky.{s}.migrations" for s in SCHEMAS)) for m in migrations_in(package)]

LARGE = (
    "flight_plans",
    "reserved",
    "reservations",
    "requests",
    "outbox",
    "inbox",
    "approvals",
    "concerned_authorities",
)
"""Tables that grow with the plans: whoever writes to one cannot wait until an index is built."""

LANDED = {
    ("flightplans", "0001_flight_plans.sql"),
    ("flightplans", "0002_extents.sql"),
    ("flightplans", "0004_subjects.sql"),
    ("flightplans", "0005_reservations.sql"),
    ("flightplans", "0006_partitions.sql"),
    ("flightplans", "0007_off_nominal.sql"),
    ("flightplans", "0008_lock_and_near.sql"),
    ("flightplans", "0009_aircraft.sql"),
    ("flightplans", "0010_nonconforming.sql"),
    ("flightplans", "0011_alias_key.sql"),
    ("registration", "0002_aircraft.sql"),
    ("registration", "0004_aircraft_identifiers.sql"),
    ("registration", "0005_operator_identifier_schemes.sql"),
    ("approvals", "0001_approvals.sql"),
    ("approvals", "0002_concerned_authorities.sql"),
}
"""They landed before anybody ran lowsky: no worker of an older version was there, and no row."""

RULES = {
    "drops a column": r"DROP COLUMN",
    "drops a table": r"DROP TABLE",
    "renames": r"RENAME",
    "changes a type": r"ALTER COLUMN \w+ (SET DATA )?TYPE",
    "makes a column compulsory": r"SET NOT NULL",
    "adds a compulsory column without a default": r"ADD COLUMN (?![^,;]*DEFAULT)[^,;]*NOT NULL",
    "changes rows": r"(?<!FOR )(?<!ON )UPDATE (?!CASCADE)|DELETE FROM",
}


def broken(sql: str) -> list[str]:
    """What a migration does that workers of the version before do not survive, or wait for."""
    text = " ".join(re.sub(r"--[^\n]*", "", sql).split())
    made = set(re.findall(r"CREATE TABLE (\w+)", text))
    found = [what for what, pattern in RULES.items() if re.search(pattern, text, re.IGNORECASE)]
    for table in re.findall(r"CREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY)\w+ ON (?!ONLY )(\w+)", text, re.IGNORECASE):
        if table in LARGE and table not in made:
            found.append(f"locks {table} while it builds an index")
    return found


@pytest.mark.parametrize("migration", ALL, ids=lambda m: f"{m.source}-{m.name}")
def test_a_migration_only_adds(migration: Migration) -> None:
    if (migration.source.split(".")[1], migration.name) in LANDED:
        pytest.skip("landed before anybody ran lowsky")
    assert broken(migration.sql) == []
    assert migration.index is None or "CONCURRENTLY" in migration.sql


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("ALTER TABLE t DROP COLUMN a;", "drops a column"),
        ("ALTER TABLE t RENAME TO u;", "renames"),
        ("ALTER TABLE t ALTER COLUMN a TYPE bigint;", "changes a type"),
        ("ALTER TABLE t ADD COLUMN a text NOT NULL;", "adds a compulsory column without a default"),
        ("ALTER TABLE t ALTER COLUMN a SET NOT NULL;", "makes a column compulsory"),
        ("CREATE INDEX i ON flight_plans (aircraft);", "locks flight_plans while it builds an index"),
        ("UPDATE t SET a = 1;", "changes rows"),
    ],
)
def test_the_rules_find_what_they_are_for(sql: str, what: str) -> None:
    assert broken(sql) == [what]


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE t ADD COLUMN a text NOT NULL DEFAULT '', ADD COLUMN b text;",
        "CREATE TABLE t (a text NOT NULL); CREATE INDEX i ON t (a); -- DROP COLUMN",
        "-- concurrently\nCREATE INDEX CONCURRENTLY i ON flight_plans (aircraft);",
    ],
)
def test_what_only_adds_passes(sql: str) -> None:
    assert broken(sql) == []


@pytest.mark.parametrize(
    "sql", ["-- concurrently\nSELECT 1;", "-- concurrently\nCREATE INDEX CONCURRENTLY i ON t (a); SELECT 1;"]
)
def test_a_concurrent_file_holds_one_index(sql: str) -> None:
    with pytest.raises(ValueError, match="one CREATE INDEX CONCURRENTLY"):
        _ = Migration("s", "0001_i.sql", sql).index
