-- By whom and why a case was rescinded; null: it was not.
ALTER TABLE approvals
    ADD COLUMN rescinded_by     text,
    ADD COLUMN rescinder        text, -- the officer
    ADD COLUMN rescind_reason   text,
    ADD COLUMN rescind_codes    text[],
    ADD COLUMN rescind_time     timestamptz;
