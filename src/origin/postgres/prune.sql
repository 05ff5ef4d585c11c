-- Removes from the outbox what was visible to everybody longer ago than the retention, and leaves a mark for later. One statement,
-- so one transaction; of several nodes that prune at once, one does. While `pruned` is the limit there is more to prune.
-- Nothing here depends on clocks being right. A mark sees every transaction below its xmin, and so do all snapshots from then on;
-- xmin never falls. Marks go in the order of their xmin, never of their time, so the horizon never falls either.
-- $1 retention, as text; $2 the most rows to remove at once
WITH alone AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(7022349235276575333) AS granted  -- "ateliere" in ASCII: not the lock of an import
), marked AS (
    -- However many nodes there are, two marks a minute are enough.
    INSERT INTO edge.mark (at)
    SELECT clock_timestamp() FROM alone
    WHERE granted
      AND NOT EXISTS (SELECT FROM edge.mark WHERE at BETWEEN clock_timestamp() - interval '30 s' AND clock_timestamp())
    RETURNING at
), cut AS MATERIALIZED (
    SELECT max(pg_snapshot_xmin(snap)) AS horizon
    FROM edge.mark, alone
    WHERE granted AND at < clock_timestamp() - $1::text::interval
), gone AS (
    DELETE FROM edge.outbox
    WHERE ctid = ANY (ARRAY(SELECT o.ctid FROM edge.outbox AS o WHERE o.xid < (SELECT horizon FROM cut) ORDER BY o.xid LIMIT $2::bigint))
    RETURNING 1
), forgotten AS (
    DELETE FROM edge.mark WHERE pg_snapshot_xmin(snap) < (SELECT horizon FROM cut)
    RETURNING 1
)
SELECT (SELECT granted FROM alone) AS granted,
       (SELECT count(*) FROM marked) > 0 AS marked,
       (SELECT count(*) FROM gone) AS pruned
