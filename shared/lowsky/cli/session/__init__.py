"""The session of one run of the command: addresses of the services, and credentials."""
