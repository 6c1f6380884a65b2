-- A flight that was airborne when it was rescinded keeps its reservation until it is down.
ALTER TABLE flight_plans ADD COLUMN airborne boolean NOT NULL DEFAULT false;
