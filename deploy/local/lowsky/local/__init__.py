"""The local stack: PostgreSQL, Kafka, a development token issuer and every service, on one machine."""
