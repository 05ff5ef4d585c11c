-- Begins another epoch, and says for the audit who asked for it.
-- $1 actor, $2 peer, $3 reason
WITH begun AS (
    UPDATE edge.epoch SET gen = gen + 1
)
INSERT INTO edge.audit (actor, peer, tags, kind, reason)
VALUES ($1, $2, '{}', NULL, $3)
RETURNING at
