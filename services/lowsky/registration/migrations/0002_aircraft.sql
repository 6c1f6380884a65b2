-- Aircraft: one airframe each. A retired one keeps its row; its serial number is free for the next owner.
CREATE TABLE aircraft (
    name                text PRIMARY KEY,
    operator            text NOT NULL REFERENCES operators (name),
    version             bigint NOT NULL,
    create_time         timestamptz NOT NULL,
    update_time         timestamptz NOT NULL,
    serial_number       text NOT NULL,
    cn_product_id       text NOT NULL,
    manufacturer        text NOT NULL,
    model               text NOT NULL,
    empty_mass_kg       double precision NOT NULL,
    max_takeoff_mass_kg double precision NOT NULL,
    max_speed_mps       double precision NOT NULL,
    max_height_m        double precision,
    eu_class            text NOT NULL,
    state               text NOT NULL
);
CREATE UNIQUE INDEX aircraft_active_serial_number ON aircraft (serial_number) WHERE state = 'ACTIVE';
CREATE INDEX aircraft_operator ON aircraft (operator, name);
