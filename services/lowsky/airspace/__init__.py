"""Where one may fly: geozones, their import, versions and times, and the authorities they name."""
