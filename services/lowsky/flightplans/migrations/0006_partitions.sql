-- Plans by month of submission: ids are UUIDv7, so a range of ids is a range of time (lowsky.ids.least_id). What is stored
-- becomes the first partition as it is, up to a month that has not begun; `flight_plans_rest` takes what comes after it
-- until partitions.py has made the months. COLLATE "C": bytes are compared, whatever the database's own collation.
-- One lock, for as long as the two indexes with the id take to be built anew: GROWTH.md says what that was.
ALTER TABLE flight_plans ALTER COLUMN id TYPE text COLLATE "C";
DO $$
DECLARE
    -- The greatest id counts too: a worker's clock may be ahead of this one.
    latest   timestamptz := (SELECT to_timestamp(
                                 ('x' || left(max(id), 8) || substr(max(id), 10, 4))::bit(48)::bigint / 1000.0)
                             FROM flight_plans);
    boundary timestamptz := date_trunc('month', greatest(now(), latest), 'UTC') + interval '1 month';
    least_id text := regexp_replace(lpad(to_hex((extract(epoch FROM boundary) * 1000)::bigint), 12, '0'),
                                    '^(.{8})(.{4})$', '\1-\2-7000-8000-000000000000');
    before   text := 'flight_plans_before_' || to_char(boundary AT TIME ZONE 'UTC', 'YYYY_MM');
BEGIN
    EXECUTE format('ALTER TABLE flight_plans RENAME TO %I', before);
    EXECUTE format('ALTER INDEX flight_plans_pkey RENAME TO %I', before || '_pkey');
    EXECUTE format('ALTER INDEX flight_plans_operator RENAME TO %I', before || '_operator');
    EXECUTE format('ALTER INDEX flight_plans_authorities RENAME TO %I', before || '_authorities');
    EXECUTE format('ALTER INDEX flight_plans_not_over RENAME TO %I', before || '_not_over');
    EXECUTE format('CREATE TABLE flight_plans (LIKE %I INCLUDING DEFAULTS) PARTITION BY RANGE (id)', before);
    ALTER TABLE flight_plans ADD PRIMARY KEY (id);
    CREATE INDEX flight_plans_operator ON flight_plans (operator, id);
    CREATE INDEX flight_plans_authorities ON flight_plans USING gin (authorities);
    CREATE INDEX flight_plans_not_over ON flight_plans (time_end) INCLUDE (min_lon, min_lat, max_lon, max_lat);
    EXECUTE format('ALTER TABLE flight_plans ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%L)',
                   before, least_id);
    EXECUTE format('CREATE TABLE flight_plans_rest PARTITION OF flight_plans FOR VALUES FROM (%L) TO (MAXVALUE)',
                   least_id);
END
$$;
