-- Begins another epoch, and says for the audit who asked for it.
-- $1 actor, $2 reason
WITH begun AS (
    UPDATE edge.epoch SET gen = gen + 1
)
INSERT INTO edge.audit (actor, tags, kind, reason)
VALUES ($1, ARRAY['epoch'], 1, $2)
RETURNING at
