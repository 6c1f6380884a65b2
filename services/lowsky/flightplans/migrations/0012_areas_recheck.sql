-- The same for the areas of authorities: how far lowsky.authorities.v1 had been read (the sum of the next offsets of its
-- partitions) by whoever last began to check plans against other areas, a digest of these, and up to where it has ended.
ALTER TABLE airspace_recheck
    ADD COLUMN areas_begun  bigint NOT NULL DEFAULT 0,
    ADD COLUMN areas_digest bytea NOT NULL DEFAULT '',
    ADD COLUMN areas_done   bigint NOT NULL DEFAULT 0;
-- As airspace_recheck_begun of 0003, which workers of the version before still ask.
CREATE FUNCTION rechecks_begun(OUT begun bigint, OUT areas_begun bigint, OUT areas_digest bytea)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtext('airspace_recheck'), hashtext(current_schema()));
    SELECT r.begun, r.areas_begun, r.areas_digest INTO begun, areas_begun, areas_digest FROM airspace_recheck r;
END
$$;
