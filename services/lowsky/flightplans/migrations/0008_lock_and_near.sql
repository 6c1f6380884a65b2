-- What is held near, as soon as nobody else decides about it. A volatile function sees in each of its statements what
-- was committed before that one began: so the second sees what those stored who were waited for in the first.
CREATE FUNCTION lock_and_near(
    keys bigint[], exclusive boolean[], places integer[], first_nodes bigint[], last_nodes bigint[], starts_ms bigint[],
    ends_ms bigint[], wests integer[], souths integer[], easts integer[], norths integer[], amsl_mins integer[],
    amsl_maxs integer[], agl_mins integer[], agl_maxs integer[]
) RETURNS TABLE (place integer, plan uuid, priority smallint, revision integer) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM lock_airspace(keys, exclusive);
    RETURN QUERY SELECT * FROM reserved_near(places, first_nodes, last_nodes, starts_ms, ends_ms, wests, souths, easts,
                                             norths, amsl_mins, amsl_maxs, agl_mins, agl_maxs);
END
$$;
