-- Events that are committed together with the state that they tell of, until the relay has published them.
-- seq is the order within a key: whoever changes a resource holds its row lock before it writes here.
CREATE TABLE outbox (
    seq            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id       text NOT NULL,
    topic          text NOT NULL,
    key            text NOT NULL,
    type           text NOT NULL,
    occurred_at    timestamptz NOT NULL,
    traceparent    text NOT NULL,
    correlation_id text NOT NULL,
    causation_id   text NOT NULL,
    value          bytea
);
