"""Where and when airspace is free: alternatives to a plan, and how full a volume is."""
