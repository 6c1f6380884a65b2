"""A process: signals, health, background work, configuration, logs and traces."""
