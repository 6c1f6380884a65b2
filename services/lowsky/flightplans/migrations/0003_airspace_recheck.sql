-- How far plans have been checked again: none is stored any more that was checked against an airspace before `begun`,
-- and each that was stored before has been checked again up to `done`.
CREATE TABLE airspace_recheck (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    begun  bigint NOT NULL,
    done   bigint NOT NULL
);
INSERT INTO airspace_recheck (begun, done) VALUES (0, 0);
-- What a submission asks in the transaction that stores it. An advisory lock queues fairly, which a row lock that is
-- shared by an endless stream of submissions does not; the answer is read after the lock is there, by a new snapshot.
CREATE FUNCTION airspace_recheck_begun() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtext('airspace_recheck'), hashtext(current_schema()));
    RETURN (SELECT begun FROM airspace_recheck);
END
$$;
