"""An authority: the body that decides for a zone or an area."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from lowsky.airspace.domain.area import Area
from lowsky.errors import StaleEtag


@dataclass(frozen=True, slots=True)
class AuthorityProfile:
    """The changeable data of an authority: display name, contact, time zone, area and filing horizon."""

    display_name: str
    time_zone: str
    """IANA zone of its civil time."""
    email: str
    phone: str
    area: Area | None = None
    """The area it is responsible for, where it may create restrictions; without one it may not."""
    filing_horizon_days: int = 0
    """How many days before their start it accepts flight plans; 0, where it is not stated, stands for 30."""


@dataclass(slots=True)
class Authority:
    """The aggregate. Its country never changes; the next save emits events for what happened to it."""

    name: str
    country: str
    """ISO 3166-1 alpha-3."""
    profile: AuthorityProfile
    create_time: datetime
    update_time: datetime
    version: int = 1
    happened: list[str] = field(default_factory=lambda: ["created"])
    """Event types since the last save, in past tense."""

    @property
    def etag(self) -> str:
        return f"{self.version}"

    def expect(self, etag: str) -> None:
        """Raises StaleEtag unless the etag is empty or that of the current version."""
        if etag and etag != self.etag:
            raise StaleEtag(self.name)

    def update(self, profile: AuthorityProfile, now: datetime) -> None:
        """Replaces its changeable data."""
        self.profile = profile
        self.version += 1
        self.update_time = now
        self.happened.append("updated")
