"""Areas, circles, corridors and centre lines on the ellipsoid: distances, and whether they meet."""
