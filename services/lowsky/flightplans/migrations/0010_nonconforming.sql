-- Since when a flight has been off its plan without having given up to return. Indexed only where there is such a moment: of
-- few plans, so that no move of another one touches the index.
ALTER TABLE flight_plans ADD COLUMN nonconforming_since timestamptz;
CREATE INDEX flight_plans_nonconforming ON flight_plans (nonconforming_since) WHERE nonconforming_since IS NOT NULL;
UPDATE flight_plans SET nonconforming_since = update_time WHERE state = 'NONCONFORMING';
