-- Operators: who answers for flights.
CREATE TABLE operators (
    name                  text PRIMARY KEY,
    version               bigint NOT NULL,
    create_time           timestamptz NOT NULL,
    update_time           timestamptz NOT NULL,
    applicant             text NOT NULL,
    display_name          text NOT NULL,
    kind                  text NOT NULL,
    contact_person        text NOT NULL,
    contact_email         text NOT NULL,
    contact_phone         text NOT NULL,
    insurance_expire_time timestamptz,
    certificate_number    text NOT NULL,
    certificate_expire_time timestamptz,
    state                 text NOT NULL,
    state_reason          text NOT NULL
);
CREATE TABLE operator_identifiers (
    scheme   text NOT NULL,
    value    text NOT NULL,
    operator text NOT NULL REFERENCES operators (name),
    PRIMARY KEY (scheme, value)
);
CREATE INDEX operator_identifiers_operator ON operator_identifiers (operator);
