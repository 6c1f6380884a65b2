"""When a zone applies: periods, weekly schedules, and the events of the sun."""
