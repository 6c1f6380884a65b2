-- Flight plans. What is asked about has a column; what was asked for, and what was found, are kept as messages.
CREATE TABLE flight_plans (
    id                text PRIMARY KEY, -- UUIDv7: in the order of submission
    operator          text NOT NULL,
    aircraft          text NOT NULL,
    state             text NOT NULL,
    state_reason      text NOT NULL,
    version           bigint NOT NULL,
    create_time       timestamptz NOT NULL,
    update_time       timestamptz NOT NULL,
    time_start        timestamptz NOT NULL,
    time_end          timestamptz NOT NULL,
    airspace_revision bigint NOT NULL,
    authorities       text[] NOT NULL, -- those that decide or are told: whose officers may read the plan
    approval          text NOT NULL,
    approval_number   text NOT NULL,
    content           bytea NOT NULL,  -- what was asked for: immutable
    assessment        bytea NOT NULL   -- what was found
);
CREATE INDEX flight_plans_operator ON flight_plans (operator, id);
CREATE INDEX flight_plans_authorities ON flight_plans USING gin (authorities);
