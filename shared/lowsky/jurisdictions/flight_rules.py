"""What the law of a jurisdiction requires of a flight: insurance, an operation certificate, contents of its request;
and which flights must be applied for even where the airspace is open to others.

Each rule says when it holds: in `when`, a list of cases of which one suffices; each case is a table of conditions that
must all be met. Without `when` it holds always. What is not known of a flight counts as met: nothing is waived by
leaving something out.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lowsky.jurisdictions.rule_files import InvalidRules, Source, Table, documents, members

FILE = "flights.toml"

OPERATOR_KINDS = frozenset({"ENTERPRISE", "PUBLIC_BODY", "NATURAL_PERSON"})
CATEGORIES = frozenset({"MICRO", "LIGHT", "SMALL", "MEDIUM", "LARGE"})
MODES = frozenset({"VLOS", "BVLOS"})
PURPOSES = frozenset(
    {
        "DELIVERY",
        "INSPECTION",
        "SURVEY",
        "AGRICULTURE",
        "PUBLIC_SAFETY",
        "MEDICAL",
        "TRAINING",
        "LEISURE",
        "OTHER",
    }
)
SPECIAL_ACTIVITIES = frozenset(
    {
        "DROPS_ARTICLES",
        "DANGEROUS_GOODS",
        "NETWORK_RELAY",
        "OVER_CROWDS",
        "SWARM",
        "MOVING_CONTROL_STATION",
        "DISTRIBUTED_OPERATION",
    }
)
CONTENTS = frozenset(
    {
        "endurance",
        "lost_link_procedure",
        "identification_technologies",
        "connectivity_methods",
        "emergency_procedure",
        "alternate_landing_sites",
        "communications",
        "command_links",
    }
)
"""The fields of a flight plan that a law may require. These and the values above are those of the contract without
their prefixes; a test compares."""


@dataclass(frozen=True, slots=True)
class Flight:
    """The facts about a flight that rules depend on. An empty text, or None, is unknown."""

    commercial: bool | None = None
    operator_kind: str = ""
    category: str = ""
    """Of the aircraft (Art. 62 of China's Interim Regulation)."""
    max_takeoff_mass_kg: float | None = None
    mode: str = ""
    purpose: str = ""
    special_activities: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Case:
    """Conditions, all of which must be met; None and an empty set ask nothing."""

    commercial: bool | None = None
    operator_kinds: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    max_takeoff_mass_kg_from: float | None = None
    modes: frozenset[str] = frozenset()
    purposes: frozenset[str] = frozenset()
    special_activities: frozenset[str] = frozenset()
    """One of them suffices."""

    def holds(self, flight: Flight) -> bool:
        """Whether all conditions are met, or not known not to be."""
        return (
            (self.commercial is None or flight.commercial in (None, self.commercial))
            and _may_be(flight.operator_kind, self.operator_kinds)
            and _may_be(flight.category, self.categories)
            and (
                self.max_takeoff_mass_kg_from is None
                or flight.max_takeoff_mass_kg is None
                or flight.max_takeoff_mass_kg >= self.max_takeoff_mass_kg_from
            )
            and _may_be(flight.mode, self.modes)
            and _may_be(flight.purpose, self.purposes)
            and (not self.special_activities or not self.special_activities.isdisjoint(flight.special_activities))
        )


@dataclass(frozen=True, slots=True, eq=False)
class Requirement:
    """Something that a law asks for, and of which flights."""

    jurisdiction: str
    source: Source
    flights: str
    """Of which, for people: "commercial flights, and …"."""
    cases: tuple[Case, ...]

    def holds(self, flight: Flight) -> bool:
        """Whether it is asked of this flight."""
        return any(case.holds(flight) for case in self.cases)


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """Something that a request must contain."""

    requirement: Requirement
    field: str
    add: str
    """What is to be added, for people."""


@dataclass(frozen=True, slots=True, eq=False)
class FlightRules:
    """The rules of one jurisdiction. Equal only to itself, so that what follows from it can be remembered."""

    jurisdiction: str
    """ISO 3166-1 alpha-3, or EU."""
    title: str
    insurance: Requirement | None
    certificate: Requirement | None
    contents: tuple[Content, ...]
    application: Requirement | None = None
    """Of the flights that the authority must agree to also where its airspace is open."""


@dataclass(frozen=True, slots=True)
class Needs:
    """The requirements of the laws that apply to a flight, with the rules that state them; empty if there are none."""

    insurance: tuple[Requirement, ...]
    certificate: tuple[Requirement, ...]
    contents: tuple[tuple[FlightRules, tuple[Content, ...]], ...]


class RuleSets:
    """The rules of all jurisdictions, and which of them speak for a country."""

    def __init__(self, rules: Mapping[str, FlightRules], members: Mapping[str, str], own: str) -> None:
        if own not in rules:
            raise InvalidRules("LOWSKY_JURISDICTION", f"there are no rules for {own}; there are for {', '.join(rules)}")
        self._rules = rules
        self._members = members
        self._own = rules[own]
        self._known: dict[frozenset[str], tuple[FlightRules, ...]] = {}

    @classmethod
    def read(cls, own: str, folder: Path | None = None) -> RuleSets:
        """Reads the files.

        Args:
            own: The jurisdiction of the installation.
            folder: Its own files, if it has some.

        Raises:
            InvalidRules: A file is not what it must be, or there are no rules for `own`.
        """
        found = {code: _rules(code, document) for code, document in documents(FILE, folder).items()}
        return cls(found, members(folder), own)

    def of_country(self, country: str) -> FlightRules:
        """Its own rules, those of the union that it is a member of, or those of the installation."""
        code = country if country in self._rules else self._members.get(country, "")
        return self._rules.get(code, self._own)

    def of_countries(self, countries: Iterable[str]) -> tuple[FlightRules, ...]:
        """The rules that hold for a flight over these countries, each once; over none, those of the installation."""
        asked = frozenset(countries)
        if asked not in self._known:
            found = {rules.jurisdiction: rules for rules in map(self.of_country, sorted(asked))}
            self._known[asked] = tuple(found.values()) or (self._own,)
        return self._known[asked]


@functools.lru_cache(maxsize=4_096)
def needs_of(laws: tuple[FlightRules, ...], flight: Flight) -> Needs:
    """What these laws ask of such a flight."""
    contents = ((law, tuple(c for c in law.contents if c.requirement.holds(flight))) for law in laws)
    return Needs(
        insurance=tuple(law.insurance for law in laws if law.insurance and law.insurance.holds(flight)),
        certificate=tuple(law.certificate for law in laws if law.certificate and law.certificate.holds(flight)),
        contents=tuple((law, required) for law, required in contents if required),
    )


def sources_of(requirements: Collection[Requirement]) -> str:
    """For people: where it is written."""
    return "; ".join(dict.fromkeys(requirement.source.text for requirement in requirements))


def _may_be(known: str, asked: frozenset[str]) -> bool:
    return not asked or not known or known in asked


def _rules(code: str, document: Table) -> FlightRules:
    title = document.text("title")
    insurance = _requirement(code, document.table("insurance")) if "insurance" in document else None
    certificate = _requirement(code, document.table("certificate")) if "certificate" in document else None
    application = _requirement(code, document.table("application")) if "application" in document else None
    contents = tuple(_content(code, table) for table in document.tables("contents"))
    document.end()
    return FlightRules(code, title, insurance, certificate, contents, application)


def _content(code: str, table: Table) -> Content:
    field = table.text("field")
    if field not in CONTENTS:
        raise InvalidRules(table.at("field"), f"{field} is none of {', '.join(sorted(CONTENTS))}")
    add = table.text("add")
    return Content(_requirement(code, table), field, add)


def _requirement(code: str, table: Table) -> Requirement:
    source = table.source()
    flights = table.text("flights")
    cases = tuple(_case(case) for case in table.tables("when")) if "when" in table else (Case(),)
    if not cases:
        raise InvalidRules(table.at("when"), "holds never; leave it out for always")
    table.end()
    return Requirement(code, source, flights, cases)


def _case(table: Table) -> Case:
    def among(key: str, values: frozenset[str]) -> frozenset[str]:
        return table.texts(key, values) if key in table else frozenset()

    case = Case(
        commercial=table.flag("commercial") if "commercial" in table else None,
        operator_kinds=among("operator_kinds", OPERATOR_KINDS),
        categories=among("categories", CATEGORIES),
        max_takeoff_mass_kg_from=table.number("max_takeoff_mass_kg_from")
        if "max_takeoff_mass_kg_from" in table
        else None,
        modes=among("modes", MODES),
        purposes=among("purposes", PURPOSES),
        special_activities=among("special_activities", SPECIAL_ACTIVITIES),
    )
    table.end()
    return case
