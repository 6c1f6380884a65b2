"""The client of one run of the command: where the services are, as whom it acts."""
