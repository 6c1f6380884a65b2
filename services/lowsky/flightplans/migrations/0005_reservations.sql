-- The airspace that plans hold, for as long as they do. Rows go with the plan's last move.
CREATE TABLE reservations (
    plan        uuid PRIMARY KEY,
    priority    smallint NOT NULL,
    revision    integer NOT NULL,     -- grows when off-nominal volumes change what is held
    off_nominal smallint NOT NULL,    -- so many of the volumes, the last ones
    time_end    timestamptz NOT NULL, -- of the last volume
    nodes       bigint[] NOT NULL,    -- where it is in `reserved`
    volumes     bytea NOT NULL
);
ALTER TABLE reservations ALTER COLUMN volumes SET STORAGE EXTERNAL; -- coordinates do not compress
CREATE INDEX reservations_time_end ON reservations (time_end);

-- One row for each node of space and time (lowsky.geo.nodes) that a plan meets: by these others find it. Around what
-- of the plan meets the node: milliseconds, 1e-7 degrees, and metres above sea level and above ground, all outwards.
CREATE TABLE reserved (
    node      bigint NOT NULL,
    plan      uuid NOT NULL,
    priority  smallint NOT NULL,
    revision  integer NOT NULL,
    start_ms  bigint NOT NULL,
    end_ms    bigint NOT NULL,
    west      integer NOT NULL,
    south     integer NOT NULL,
    east      integer NOT NULL,
    north     integer NOT NULL,
    amsl_min  integer NOT NULL,
    amsl_max  integer NOT NULL,
    agl_min   integer NOT NULL,
    agl_max   integer NOT NULL,
    PRIMARY KEY (node, plan)
);

-- Waits for all that decide about the same airspace, then sees what they have stored. Keys come in ascending order, so
-- that nobody waits in a circle.
CREATE FUNCTION lock_airspace(keys bigint[], exclusive boolean[]) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM CASE WHEN lock.exclusive THEN pg_advisory_xact_lock(lock.key) ELSE pg_advisory_xact_lock_shared(lock.key) END
    FROM unnest(keys, exclusive) AS lock (key, exclusive);
END
$$;

-- What is held near: the place of who asks, and plans that may overlap what it asks for between two nodes. What the
-- planner thinks of arrays it cannot see must not make it read the whole table.
CREATE FUNCTION reserved_near(
    places integer[], first_nodes bigint[], last_nodes bigint[], starts_ms bigint[], ends_ms bigint[], wests integer[],
    souths integer[], easts integer[], norths integer[], amsl_mins integer[], amsl_maxs integer[], agl_mins integer[],
    agl_maxs integer[]
) RETURNS TABLE (place integer, plan uuid, priority smallint, revision integer) LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    RETURN QUERY
    SELECT DISTINCT q.place, r.plan, r.priority, r.revision
    FROM unnest(places, first_nodes, last_nodes, starts_ms, ends_ms, wests, souths, easts, norths, amsl_mins, amsl_maxs,
                agl_mins, agl_maxs)
           AS q (place, first_node, last_node, start_ms, end_ms, west, south, east, north, amsl_min, amsl_max, agl_min,
                 agl_max)
    JOIN reserved r ON r.node BETWEEN q.first_node AND q.last_node
         AND r.start_ms < q.end_ms AND r.end_ms > q.start_ms
         AND r.west <= q.east AND r.east >= q.west AND r.south <= q.north AND r.north >= q.south
         AND r.amsl_min <= q.amsl_max AND r.amsl_max >= q.amsl_min
         AND r.agl_min <= q.agl_max AND r.agl_max >= q.agl_min;
END
$$;

-- Plans hold nothing any more.
CREATE FUNCTION free_airspace(plans uuid[]) RETURNS void LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    WITH freed AS (DELETE FROM reservations WHERE reservations.plan = ANY(plans) RETURNING plan, nodes)
    DELETE FROM reserved USING (SELECT plan, unnest(nodes) AS node FROM freed) AS gone
    WHERE reserved.node = gone.node AND reserved.plan = gone.plan;
END
$$;
