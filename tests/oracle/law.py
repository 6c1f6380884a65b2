"""What the law asks of a flight, written out for one country after the other: no files, no cases, no conditions.

- China: Interim Regulation, Art. 11, 12, 26, 27, 31.
- European Union: (EC) 785/2004, (EU) 2019/947 Art. 4 and 5, (EU) 2021/664 Annex IV.

What is unknown of a flight ("" or None) counts as if it were asked for.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Facts:
    commercial: bool | None
    operator_kind: str
    category: str
    mass_kg: float | None
    mode: str
    activities: frozenset[str]


@dataclass(frozen=True)
class Asked:
    insurance: bool
    certificate: bool
    application: bool
    contents: frozenset[str]


def china(flight: Facts) -> Asked:
    known_small_enough = flight.category in {"MICRO", "LIGHT"}
    loses_the_exemption = bool(
        flight.activities
        & {
            "DROPS_ARTICLES",
            "DANGEROUS_GOODS",
            "NETWORK_RELAY",
            "OVER_CROWDS",
            "MOVING_CONTROL_STATION",
            "SWARM",
            "DISTRIBUTED_OPERATION",
        }
    )
    return Asked(
        insurance=flight.commercial is not False or not known_small_enough,
        certificate=flight.operator_kind != "NATURAL_PERSON" and flight.category != "MICRO",
        application=loses_the_exemption or flight.category in {"", "MEDIUM", "LARGE"},
        contents=frozenset(
            {
                "alternate_landing_sites",
                "communications",
                "command_links",
                "identification_technologies",
                "emergency_procedure",
            }
        ),
    )


def union(flight: Facts) -> Asked:
    def may_weigh(least_kg: float) -> bool:
        return flight.mass_kg is None or not flight.mass_kg < least_kg

    risky = bool(flight.activities & {"OVER_CROWDS", "DANGEROUS_GOODS", "DROPS_ARTICLES"})
    return Asked(
        insurance=flight.commercial is not False or may_weigh(20.0),
        certificate=flight.mode != "VLOS" or may_weigh(25.0) or risky,
        application=False,
        contents=frozenset({"identification_technologies", "connectivity_methods", "endurance", "lost_link_procedure"}),
    )


def documents_missing(asked: bool, stated: bool, until_s: float | None, end_s: float) -> str:
    """ "MISSING", "EXPIRED" or "" for one document; `until_s` is None where it does not expire."""
    if not asked:
        return ""
    if not stated:
        return "MISSING"
    return "EXPIRED" if until_s is not None and end_s > until_s else ""
