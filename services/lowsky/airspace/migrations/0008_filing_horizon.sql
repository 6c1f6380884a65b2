-- How many days ahead of their start an authority takes flight plans; 0 where it does not say.
ALTER TABLE authorities ADD COLUMN filing_horizon_days integer NOT NULL DEFAULT 0;
