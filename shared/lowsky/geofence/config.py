"""What is known of heights where a service is installed."""

from __future__ import annotations

from pydantic import Field

from lowsky.config import ServiceConfig
from lowsky.geo.altitude import ANYWHERE, VerticalReference


class GeofenceConfig(ServiceConfig):
    """Of services that hold flights against zones; the same in all of them, or their answers differ."""

    terrain_min_m: float = Field(default=ANYWHERE.terrain_min_m, ge=-500, le=9_000)
    """The lowest ground in the area, above mean sea level. Too narrow a bound loses overlaps."""

    terrain_max_m: float = Field(default=ANYWHERE.terrain_max_m, ge=-500, le=9_000)
    """The highest ground or roof that is flown over or taken off from, above mean sea level."""

    geoid_min_m: float = Field(default=ANYWHERE.geoid_min_m, ge=-110, le=90)
    """The least undulation of EGM96 in the area; narrows what the built-in table says of each place."""

    geoid_max_m: float = Field(default=ANYWHERE.geoid_max_m, ge=-110, le=90)
    """The greatest undulation of EGM96 in the area."""

    @property
    def vertical_reference(self) -> VerticalReference:
        """The bounds together."""
        return VerticalReference(self.terrain_min_m, self.terrain_max_m, self.geoid_min_m, self.geoid_max_m)
