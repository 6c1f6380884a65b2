-- What officers of the authorities concerned say to each other about a case.
CREATE TABLE comments (
    approval    text NOT NULL REFERENCES approvals (name),
    position    integer NOT NULL,
    authority   text NOT NULL,
    officer     text NOT NULL,
    text        text NOT NULL,
    create_time timestamptz NOT NULL,
    PRIMARY KEY (approval, position)
);
