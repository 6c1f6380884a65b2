-- Every restriction there was, who drew it and how it ended. Its zone is among the geozones while it is in force.
CREATE TABLE restrictions (
    name        text COLLATE "C" PRIMARY KEY,
    authority   text COLLATE "C" NOT NULL REFERENCES authorities (name),
    start_time  timestamptz NOT NULL,
    end_time    timestamptz NOT NULL,
    create_time timestamptz NOT NULL,
    created_by  text NOT NULL,
    removed_time timestamptz,
    -- NULL where time ended it.
    lifted_by   text
);
CREATE INDEX restrictions_in_force ON restrictions (end_time) WHERE removed_time IS NULL;
