-- Purges tags, and says for the audit who asked for it. No column comes back: the user need not be allowed to read the audit.
-- $1 tags, $2 kind, $3 actor, $4 peer, $5 reason
WITH purged AS (
    INSERT INTO edge.outbox (tag, kind)
    SELECT p.tag, $2
    FROM unnest($1) AS p (tag)
)
INSERT INTO edge.audit (actor, peer, tags, kind, reason)
VALUES ($3, $4, $1, $2, $5)
RETURNING true
