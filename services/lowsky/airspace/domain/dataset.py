"""A dataset: the geozones of one source, replaced as a whole by each import."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from lowsky.errors import NotFound


@dataclass(frozen=True, slots=True)
class Dataset:
    """A source of geozones and its present version."""

    name: str
    authority: str
    """The authority responsible for it: the one that imported it first. It never changes."""
    title: str = ""
    version: int = 0
    """Counts its imports; 0 before the first."""
    airspace_revision: int = 0
    """Revision of the airspace as a whole after the dataset's last import."""
    geozone_count: int = 0
    import_time: datetime | None = None

    def imported(
        self, *, authority: str, title: str, geozone_count: int, airspace_revision: int, now: datetime
    ) -> Dataset:
        """The dataset after another import; an empty title leaves the earlier one.

        Raises:
            NotFound: It belongs to another authority.
        """
        self.require_authority(authority)
        return replace(
            self,
            title=title or self.title,
            version=self.version + 1,
            airspace_revision=airspace_revision,
            geozone_count=geozone_count,
            import_time=now,
        )

    def require_authority(self, authority: str) -> None:
        """Raises NotFound for any authority but its own."""
        if authority != self.authority:
            raise NotFound(self.name)
