"""Events on Kafka: CloudEvents 1.0 in binary mode, emitted by the outbox, consumed through the inbox, or tailed."""
