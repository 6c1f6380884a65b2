-- The airspace that a flight off its plan may need beside its own, as it was reported.
ALTER TABLE flight_plans ADD COLUMN off_nominal bytea NOT NULL DEFAULT '';
