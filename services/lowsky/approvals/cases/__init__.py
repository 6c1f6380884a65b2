"""Cases: opened, decided and expired."""
