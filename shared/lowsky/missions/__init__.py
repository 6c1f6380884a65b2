"""Mission files that operators have, read into waypoints with explicit datums and times since take-off."""

from lowsky.missions.errors import UnreadableMission
from lowsky.missions.model import Datum, Mission, MissionWaypoint, Vehicle
from lowsky.missions.reader import read

__all__ = ["Datum", "Mission", "MissionWaypoint", "UnreadableMission", "Vehicle", "read"]
