-- Begins another epoch, and says for the audit who asked for it. No column comes back, as in purge.sql.
-- $1 actor, $2 peer, $3 reason
WITH begun AS (
    -- The row is there, unless somebody emptied the table; then an UPDATE would do nothing and say nothing of it, and to count
    -- from one again would bring back an epoch that was.
    INSERT INTO edge.epoch AS e (gen) VALUES ((extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
    ON CONFLICT (one) DO UPDATE SET gen = e.gen + 1
)
INSERT INTO edge.audit (actor, peer, tags, kind, reason)
VALUES ($1, $2, '{}', NULL, $3)
RETURNING true
