"""The attributes of a zone as published: restrictions, limits, times, authorities, permits."""
