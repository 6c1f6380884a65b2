-- The box around a plan's volumes: which plans can a changed zone touch? Plans that say nothing count as anywhere.
ALTER TABLE flight_plans
    ADD COLUMN min_lon double precision NOT NULL DEFAULT -180,
    ADD COLUMN min_lat double precision NOT NULL DEFAULT -90,
    ADD COLUMN max_lon double precision NOT NULL DEFAULT 180,
    ADD COLUMN max_lat double precision NOT NULL DEFAULT 90;
-- Plans that are not over, with their boxes beside them. Without the state, so that moves need not touch the index.
CREATE INDEX flight_plans_not_over ON flight_plans (time_end) INCLUDE (min_lon, min_lat, max_lon, max_lat);
