-- The geozones in force. message is lowsky.api.airspace.v1.Geozone without its published_json, which only
-- GetGeozone reads. The box holds every layer; that of a zone over the antimeridian is as wide as the world.
CREATE TABLE geozones (
    name           text COLLATE "C" PRIMARY KEY,
    dataset        text COLLATE "C" NOT NULL REFERENCES datasets (name),
    west           double precision NOT NULL,
    south          double precision NOT NULL,
    east           double precision NOT NULL,
    north          double precision NOT NULL,
    message        bytea NOT NULL,
    published_json bytea NOT NULL
);
CREATE INDEX geozones_dataset_name ON geozones (dataset, name);
