-- Cases: one for each plan. The number counts on over the years, so it is unique without a lock; a transaction that
-- fails, or a plan that is announced twice, leaves a gap.
CREATE SEQUENCE approval_numbers;
CREATE TABLE approvals (
    name           text PRIMARY KEY,
    number         text NOT NULL UNIQUE,
    flight_plan    text NOT NULL UNIQUE,
    operator       text NOT NULL,
    version        bigint NOT NULL,
    create_time    timestamptz NOT NULL,
    update_time    timestamptz NOT NULL,
    state          text NOT NULL,
    automatic      boolean NOT NULL,
    decide_by_time timestamptz NOT NULL,
    plan           bytea NOT NULL -- lowsky.api.flightplans.v1.FlightPlan, as it was checked
);
-- An operator's cases, what is due first coming first.
CREATE INDEX approvals_operator ON approvals (operator, state, decide_by_time, name);
-- What has not been decided in time.
CREATE INDEX approvals_due ON approvals (decide_by_time) WHERE state = 'PENDING';
