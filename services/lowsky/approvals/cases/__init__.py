"""Cases: synchronised with plans, queued for those who may see them, decided and expired."""
