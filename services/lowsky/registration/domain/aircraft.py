"""An aircraft: one airframe, identified by a serial number, registered by the operator that flies it."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from lowsky.errors import IllegalMove, StaleEtag
from lowsky.registration.identifiers.identifier import Identifier, Scope


class AircraftState(StrEnum):
    """The state of an aircraft."""

    ACTIVE = "ACTIVE"
    RETIRED = "RETIRED"


class Category(StrEnum):
    """Class of Art. 62 of the Interim Regulation on the Flight Management of Unmanned Aircraft."""

    MICRO = "MICRO"
    LIGHT = "LIGHT"
    SMALL = "SMALL"
    MEDIUM = "MEDIUM"
    LARGE = "LARGE"


class EuClass(StrEnum):
    """Class identification label of (EU) 2019/945; UNSPECIFIED if it bears none."""

    UNSPECIFIED = "UNSPECIFIED"
    C0 = "C0"
    C1 = "C1"
    C2 = "C2"
    C3 = "C3"
    C4 = "C4"
    C5 = "C5"
    C6 = "C6"


KMH_PER_MPS = 3.6

MICRO_EMPTY_MASS_KG_BELOW = 0.25
MICRO_HEIGHT_M_MAX = 50.0
MICRO_SPEED_MPS_MAX = 40 / KMH_PER_MPS
LIGHT_EMPTY_MASS_KG_MAX = 4.0
LIGHT_TAKEOFF_MASS_KG_MAX = 7.0
LIGHT_SPEED_MPS_MAX = 100 / KMH_PER_MPS
SMALL_EMPTY_MASS_KG_MAX = 15.0
SMALL_TAKEOFF_MASS_KG_MAX = 25.0
MEDIUM_TAKEOFF_MASS_KG_MAX = 150.0


@dataclass(frozen=True, slots=True)
class AircraftProfile:
    """The fields of an aircraft that its operator may change: its model and its performance."""

    manufacturer: str
    model: str
    empty_mass_kg: float
    """Without payload, but with battery or fuel."""
    max_takeoff_mass_kg: float
    max_speed_mps: float
    max_height_m: float | None
    """The greatest height above ground that the aircraft's built-in limits allow; None: not limited."""
    eu_class: EuClass

    @property
    def category(self) -> Category:
        """The Art. 62 class: the first in this order of which the aircraft meets every limit."""
        if (
            self.empty_mass_kg < MICRO_EMPTY_MASS_KG_BELOW
            and self.max_height_m is not None
            and self.max_height_m <= MICRO_HEIGHT_M_MAX
            and self.max_speed_mps <= MICRO_SPEED_MPS_MAX
        ):
            return Category.MICRO
        if (
            self.empty_mass_kg <= LIGHT_EMPTY_MASS_KG_MAX
            and self.max_takeoff_mass_kg <= LIGHT_TAKEOFF_MASS_KG_MAX
            and self.max_speed_mps <= LIGHT_SPEED_MPS_MAX
        ):
            return Category.LIGHT
        if self.empty_mass_kg <= SMALL_EMPTY_MASS_KG_MAX and self.max_takeoff_mass_kg <= SMALL_TAKEOFF_MASS_KG_MAX:
            return Category.SMALL
        return Category.MEDIUM if self.max_takeoff_mass_kg <= MEDIUM_TAKEOFF_MASS_KG_MAX else Category.LARGE


@dataclass(slots=True)
class Aircraft:
    """The aggregate: ACTIVE until it is RETIRED permanently."""

    name: str
    identifiers: tuple[Identifier, ...]
    """Ordered by scheme; at least one identifies the airframe."""
    profile: AircraftProfile
    create_time: datetime
    update_time: datetime
    state: AircraftState = AircraftState.ACTIVE
    version: int = 1
    happened: list[str] = field(default_factory=lambda: ["registered"])
    """The events to emit with the next save, in past tense."""

    def scope_of(self, identifier: Identifier) -> str:
        """The scope within which the identifier is unique among active aircraft, as a key; '' is everywhere.

        Case, character width and spaces in the manufacturer's name are ignored; any other difference is another
        manufacturer.
        """
        if identifier.scope is Scope.EVERYWHERE:
            return ""
        name = unicodedata.normalize("NFKC", self.profile.manufacturer).casefold()
        return f"{identifier.scope}: {' '.join(name.split())}"

    @property
    def operator(self) -> str:
        """Name of the operator that it is registered under."""
        return self.name.partition("/aircraft/")[0]

    @property
    def etag(self) -> str:
        return f"{self.version}"

    def expect(self, etag: str) -> None:
        """Raises StaleEtag unless the etag is empty or that of the current version."""
        if etag and etag != self.etag:
            raise StaleEtag(self.name)

    def update(self, profile: AircraftProfile, identifiers: tuple[Identifier, ...], now: datetime) -> None:
        """Changes profile and identifiers; not allowed for a retired aircraft."""
        self._require_active("updated")
        self.profile, self.identifiers = profile, identifiers
        self._record("updated", now)

    def retire(self, now: datetime) -> None:
        """Permanent. Its identifiers may then be registered again: airframes change owners."""
        self._require_active("retired")
        self.state = AircraftState.RETIRED
        self._record("retired", now)

    def _require_active(self, move: str) -> None:
        if self.state is not AircraftState.ACTIVE:
            raise IllegalMove(self.name, self.state, move)

    def _record(self, what: str, now: datetime) -> None:
        self.version += 1
        self.update_time = now
        self.happened.append(what)
