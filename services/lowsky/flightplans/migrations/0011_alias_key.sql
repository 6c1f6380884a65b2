-- What plans are called for those who may not know whose they are (lowsky.flightplans.aliases): a key of this database,
-- which no one else has. 244 of its 256 bits are random. With another key, aliases that findings hold resolve no more.
CREATE TABLE alias_key (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    key    bytea NOT NULL CHECK (length(key) = 32)
);
INSERT INTO alias_key (key)
VALUES (decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'));
