"""The airspace service: geozones, their import, versions and times, and the authorities that they name."""
