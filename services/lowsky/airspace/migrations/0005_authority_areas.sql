-- Where an authority may draw restrictions: lowsky.api.airspace.v1.Area as it was given; NULL where none was.
ALTER TABLE authorities ADD COLUMN area bytea;
