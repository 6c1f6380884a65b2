-- The authorities that a case concerns, and what those that must decide have said. State and time are the case's own:
-- with them here, the index below is the queue of each authority, and a page of it costs the same however long it is.
CREATE TABLE concerned_authorities (
    approval       text NOT NULL REFERENCES approvals (name),
    authority      text NOT NULL,
    position       integer NOT NULL,
    outcome        text, -- null: it is told and has nothing to decide
    officer        text NOT NULL,
    reason         text NOT NULL,
    decide_time    timestamptz,
    geozones       text[] NOT NULL,
    state          text NOT NULL,
    decide_by_time timestamptz NOT NULL,
    PRIMARY KEY (approval, authority)
);
CREATE INDEX concerned_authorities_queue ON concerned_authorities (authority, state, decide_by_time, approval);
