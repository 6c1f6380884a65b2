-- The airspace as a whole: its one row is locked by each import, so that revisions are in order.
CREATE TABLE airspace (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    revision bigint NOT NULL
);
INSERT INTO airspace (revision) VALUES (0);

-- The datasets in force.
CREATE TABLE datasets (
    name              text COLLATE "C" PRIMARY KEY,
    version           bigint NOT NULL,
    airspace_revision bigint NOT NULL,
    title             text NOT NULL,
    authority         text COLLATE "C" NOT NULL REFERENCES authorities (name),
    geozone_count     bigint NOT NULL,
    import_time       timestamptz NOT NULL
);

-- Every import there was: rows are added, never changed.
CREATE TABLE dataset_versions (
    dataset           text COLLATE "C" NOT NULL REFERENCES datasets (name),
    version           bigint NOT NULL,
    airspace_revision bigint NOT NULL UNIQUE,
    import_time       timestamptz NOT NULL,
    publisher         text NOT NULL,
    request_id        uuid NOT NULL,
    file_sha256       bytea NOT NULL,
    file_bytes        bigint NOT NULL,
    format            text NOT NULL,
    taken             integer NOT NULL,
    repaired          integer NOT NULL,
    refused           integer NOT NULL,
    PRIMARY KEY (dataset, version)
);
