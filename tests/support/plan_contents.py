"""What a request contains beside where and when it flies, so that the law of every jurisdiction is content."""

from __future__ import annotations

from typing import Any

from google.protobuf.duration_pb2 import Duration

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2


def contents() -> dict[str, Any]:
    """Fields of a FlightPlan: a commercial delivery beyond visual line of sight."""
    return {
        "purpose": pb.FlightPlan.PURPOSE_DELIVERY,
        "mode": pb.FlightPlan.MODE_BVLOS,
        "commercial": True,
        "endurance": Duration(seconds=864_000),
        "lost_link_procedure": "returns and lands",
        "emergency_procedure": "lands at the nearest site",
        "identification_technologies": [pb.IDENTIFICATION_TECHNOLOGY_NETWORK_REMOTE_ID],
        "connectivity_methods": [pb.CONNECTIVITY_METHOD_CELLULAR],
        "alternate_landing_sites": [pb.LandingSite(position=geo_pb2.LatLng(latitude=21.0, longitude=113.5))],
        "communications": [pb.Communication(phone="+862100000000")],
        "command_links": [
            pb.CommandLink(method=pb.CONNECTIVITY_METHOD_CELLULAR, frequency_mhz=2593.0, bandwidth_mhz=20.0)
        ],
    }
