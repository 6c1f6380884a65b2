-- Which aircraft a plan keeps busy, and from when: it is in one place at a time. Until time_end, the same as what it holds.
ALTER TABLE reservations ADD COLUMN aircraft text, ADD COLUMN time_start timestamptz;
UPDATE reservations SET aircraft = p.aircraft, time_start = p.time_start
FROM flight_plans p WHERE p.id = reservations.plan::text;
ALTER TABLE reservations ALTER COLUMN aircraft SET NOT NULL, ALTER COLUMN time_start SET NOT NULL;
CREATE INDEX reservations_aircraft ON reservations (aircraft, time_end);

-- Plans that keep an aircraft busy at some of a time, half-open: the place of who asks, and from when until when.
CREATE FUNCTION aircraft_busy(
    places integer[], aircrafts text[], time_starts timestamptz[], time_ends timestamptz[]
) RETURNS TABLE (
    place integer, plan uuid, priority smallint, revision integer, time_start timestamptz, time_end timestamptz
) LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    RETURN QUERY
    SELECT q.place, r.plan, r.priority, r.revision, r.time_start, r.time_end
    FROM unnest(places, aircrafts, time_starts, time_ends) AS q (place, aircraft, time_start, time_end)
    JOIN reservations r ON r.aircraft = q.aircraft AND r.time_end > q.time_start AND r.time_start < q.time_end;
END
$$;

-- As lock_and_near of 0008; beside what is held near, with a time, what keeps the aircraft busy. Keys are of both.
CREATE FUNCTION lock_and_near(
    keys bigint[], exclusive boolean[], places integer[], first_nodes bigint[], last_nodes bigint[], starts_ms bigint[],
    ends_ms bigint[], wests integer[], souths integer[], easts integer[], norths integer[], amsl_mins integer[],
    amsl_maxs integer[], agl_mins integer[], agl_maxs integer[], contenders integer[], aircrafts text[],
    time_starts timestamptz[], time_ends timestamptz[]
) RETURNS TABLE (
    place integer, plan uuid, priority smallint, revision integer, time_start timestamptz, time_end timestamptz
) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM lock_airspace(keys, exclusive);
    RETURN QUERY SELECT near.*, NULL::timestamptz, NULL::timestamptz
                 FROM reserved_near(places, first_nodes, last_nodes, starts_ms, ends_ms, wests, souths, easts, norths,
                                    amsl_mins, amsl_maxs, agl_mins, agl_maxs) AS near
                 UNION ALL
                 SELECT * FROM aircraft_busy(contenders, aircrafts, time_starts, time_ends);
END
$$;
DROP FUNCTION lock_and_near(bigint[], boolean[], integer[], bigint[], bigint[], bigint[], bigint[], integer[], integer[],
                            integer[], integer[], integer[], integer[], integer[], integer[]);
