"""The zones and areas that are in force now, indexed in memory."""
