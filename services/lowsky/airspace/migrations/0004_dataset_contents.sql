-- The zones of each dataset's last versions, compressed: what a rollback brings back. A row is added with its version,
-- never changed, and goes when the version is too old to be kept. Versions from before this table have none.
CREATE TABLE dataset_contents (
    dataset text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    zones   bytea NOT NULL,
    PRIMARY KEY (dataset, version),
    FOREIGN KEY (dataset, version) REFERENCES dataset_versions (dataset, version)
);
-- Compressed already.
ALTER TABLE dataset_contents ALTER COLUMN zones SET STORAGE EXTERNAL;
-- The version whose zones a rollback brought back; NULL for an import of a file.
ALTER TABLE dataset_versions ADD COLUMN rollback_of bigint;
