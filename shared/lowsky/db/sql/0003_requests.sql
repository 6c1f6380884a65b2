-- Answers kept by request id, committed together with what they tell of: the same request again gets the same answer.
CREATE TABLE requests (
    caller     text NOT NULL,
    request_id uuid NOT NULL,
    digest     bytea NOT NULL,
    response   bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (caller, request_id)
);
CREATE INDEX requests_created_at ON requests (created_at);
