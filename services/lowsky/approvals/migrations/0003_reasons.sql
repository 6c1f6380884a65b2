-- The codes of a decision's reason, and the airspace that the plan had been checked against when it was made.
ALTER TABLE concerned_authorities
    ADD COLUMN reason_codes      text[] NOT NULL DEFAULT '{}',
    ADD COLUMN airspace_revision bigint NOT NULL DEFAULT 0;
