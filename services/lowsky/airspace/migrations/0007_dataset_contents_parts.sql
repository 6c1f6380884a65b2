-- What is kept of a version lies in parts, so that it is written and read piece by piece: one value, cut anywhere.
ALTER TABLE dataset_contents ADD COLUMN part integer NOT NULL DEFAULT 0;
ALTER TABLE dataset_contents DROP CONSTRAINT dataset_contents_pkey, ADD PRIMARY KEY (dataset, version, part);
