-- The highest priority that an operator's flights may claim, by the numbers of the contract, and on what grounds. Of those
-- registered before: the ordinary one.
ALTER TABLE operators
    ADD COLUMN priority_max    smallint NOT NULL DEFAULT 0,
    ADD COLUMN priority_reason text NOT NULL DEFAULT '';
