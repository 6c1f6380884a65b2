-- The geozones that a plan's findings name: which plans does a zone weigh on that is gone, or is not what it was? NULL
-- for plans stored before this was noted; they count as naming any.
ALTER TABLE flight_plans ADD COLUMN subjects text[];
