"""An authority: the body that decides for a zone or an area."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from lowsky.airspace.domain.area import Area
from lowsky.errors import StaleEtag


@dataclass(frozen=True, slots=True)
class AuthorityProfile:
    """How an authority is shown and reached, and by which clock it works."""

    display_name: str
    time_zone: str
    """IANA zone of its civil time."""
    email: str
    phone: str
    area: Area | None = None
    """Where it answers: there it may restrict; nowhere where there is none."""
    filing_horizon_days: int = 0
    """How many days ahead of their start it takes flight plans; 0 where it does not say, which stands for 30."""


@dataclass(slots=True)
class Authority:
    """The aggregate. Its country is for good; what happened to it is told with the next save."""

    name: str
    country: str
    """ISO 3166-1 alpha-3."""
    profile: AuthorityProfile
    create_time: datetime
    update_time: datetime
    version: int = 1
    happened: list[str] = field(default_factory=lambda: ["created"])
    """In past tense."""

    @property
    def etag(self) -> str:
        return f"{self.version}"

    def expect(self, etag: str) -> None:
        """Raises StaleEtag unless the etag is empty or that of the present version."""
        if etag and etag != self.etag:
            raise StaleEtag(self.name)

    def update(self, profile: AuthorityProfile, now: datetime) -> None:
        """Changes how it is shown and reached."""
        self.profile = profile
        self.version += 1
        self.update_time = now
        self.happened.append("updated")
