-- Forgets what was changed before the youngest mark that is old enough. The oldest mark that is left then says how far that
-- went: its snapshot sees every change that is gone.
-- $1 how long changes are kept, in seconds
WITH cut AS (
    SELECT at, snap
    FROM edge.mark
    WHERE at < clock_timestamp() - make_interval(secs => $1)
    ORDER BY at DESC
    LIMIT 1
), gone AS (
    DELETE FROM edge.outbox AS o
    USING cut
    WHERE o.xid < pg_snapshot_xmin(cut.snap)
)
DELETE FROM edge.mark AS m
USING cut
WHERE m.at < cut.at
