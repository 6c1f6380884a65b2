"""Events on Kafka: CloudEvents 1.0 in binary mode, out through the outbox, in through the inbox, or tailed."""
