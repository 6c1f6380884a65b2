"""What the local stack runs: PostgreSQL, Kafka, the token issuer, the services."""
