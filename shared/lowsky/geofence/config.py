"""What is known of heights where a service is installed."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from lowsky.geo.heights.altitude import ANYWHERE, VerticalReference
from lowsky.geo.heights.terrain import read_terrain


class GeofenceConfig(BaseSettings):
    """Settings of services that check flights against zones; they must be the same in all of these services."""

    model_config = SettingsConfigDict(env_prefix="LOWSKY_", frozen=True, use_attribute_docstrings=True)

    terrain_min_m: float = Field(default=ANYWHERE.terrain_min_m, ge=-500, le=9_000)
    """The lowest ground in the area, above mean sea level. Too narrow a bound loses overlaps."""

    terrain_max_m: float = Field(default=ANYWHERE.terrain_max_m, ge=-500, le=9_000)
    """The highest ground or roof that is flown over or taken off from, above mean sea level."""

    geoid_min_m: float = Field(default=ANYWHERE.geoid_min_m, ge=-110, le=90)
    """The least undulation of EGM96 in the area; narrows the bounds of the built-in table."""

    geoid_max_m: float = Field(default=ANYWHERE.geoid_max_m, ge=-110, le=90)
    """The greatest undulation of EGM96 in the area."""

    terrain: Path | None = None
    """A GeoTIFF of elevations in metres above mean sea level, in EPSG:4326: narrows the bounds of the ground, place by
    place, where heights above ground and others are compared. Read at start. Buildings are not in a terrain model:
    state their height in terrain_error_m, or give a surface model."""

    terrain_error_m: float = Field(default=30.0, ge=0.1, le=1_000)
    """By how much the ground may be higher or lower than the GeoTIFF says. Copernicus GLO-30 errs by some 4 m (90 %),
    by more on slopes, and has roofs and trees in some pixels and not in others: 30 m are ten storeys. Less for a survey
    of the ground itself, more among towers."""

    @property
    def vertical_reference(self) -> VerticalReference:
        """The bounds together.

        Raises:
            ValueError: The GeoTIFF cannot be read, or is not what it must be.
        """
        ground = read_terrain(self.terrain, self.terrain_error_m) if self.terrain else None
        return VerticalReference(self.terrain_min_m, self.terrain_max_m, self.geoid_min_m, self.geoid_max_m, ground)
