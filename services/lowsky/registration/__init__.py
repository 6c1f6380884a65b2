"""Registration: operators, their aircraft, and the state of their registration."""
