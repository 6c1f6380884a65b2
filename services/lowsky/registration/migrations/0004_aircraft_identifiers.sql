-- Identifiers of aircraft, of any scheme: a table in place of the columns for two of them. `scope` is within what a number
-- is unique: '' everywhere, or the manufacturer's name, folded. `state` is the aircraft's own, kept in step by the foreign
-- key, so that the index below holds whoever writes.
ALTER TABLE aircraft ADD CONSTRAINT aircraft_name_state UNIQUE (name, state);
CREATE TABLE aircraft_identifiers (
    aircraft text NOT NULL,
    state    text NOT NULL,
    scheme   text NOT NULL,
    scope    text NOT NULL,
    value    text NOT NULL,
    PRIMARY KEY (aircraft, scheme),
    FOREIGN KEY (aircraft, state) REFERENCES aircraft (name, state) ON UPDATE CASCADE
);
INSERT INTO aircraft_identifiers (aircraft, state, scheme, scope, value)
    SELECT name, state, 'cta-2063-a', '', serial_number FROM aircraft;

-- Product ids were not unique before: of active aircraft that share one, the one registered first keeps it; the others
-- keep their serial numbers, and are named in the log of the migration.
DO $$
DECLARE
    shared record;
BEGIN
    FOR shared IN
        SELECT name FROM (
            SELECT name, row_number() OVER (PARTITION BY cn_product_id ORDER BY create_time, name) AS place
            FROM aircraft WHERE cn_product_id <> '' AND state = 'ACTIVE'
        ) AS placed WHERE place > 1
    LOOP
        RAISE WARNING '% loses its product id: an aircraft registered before has the same', shared.name;
        UPDATE aircraft SET cn_product_id = '' WHERE name = shared.name;
    END LOOP;
END $$;
INSERT INTO aircraft_identifiers (aircraft, state, scheme, scope, value)
    SELECT name, state, 'gbt-41300', '', cn_product_id FROM aircraft WHERE cn_product_id <> '';

CREATE UNIQUE INDEX aircraft_identifiers_active ON aircraft_identifiers (scheme, scope, value) WHERE state = 'ACTIVE';
DROP INDEX aircraft_active_serial_number;
ALTER TABLE aircraft DROP COLUMN serial_number, DROP COLUMN cn_product_id;
