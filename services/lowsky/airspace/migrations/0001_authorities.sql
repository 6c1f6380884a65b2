-- Authorities: who decides for a zone or an area.
CREATE TABLE authorities (
    name         text COLLATE "C" PRIMARY KEY,
    version      bigint NOT NULL,
    create_time  timestamptz NOT NULL,
    update_time  timestamptz NOT NULL,
    display_name text NOT NULL,
    country      text NOT NULL,
    time_zone    text NOT NULL,
    email        text NOT NULL,
    phone        text NOT NULL
);
