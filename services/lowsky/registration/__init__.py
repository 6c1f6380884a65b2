"""Registration: who may fly. Operators, their aircraft, and where they stand."""
