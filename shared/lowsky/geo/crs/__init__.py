"""Reference systems: names, datums, and conversion to WGS 84, also from displaced map coordinates."""
