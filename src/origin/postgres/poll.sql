-- What became visible since a position, and what else a node must know to trust it: one statement, so one snapshot.
-- The position is the snapshot of the former poll. A row was invisible to that one exactly if its transaction had not begun
-- (xid >= xmax) or had not ended (xid in xip); so nothing is lost or repeated, in whatever order transactions commit.
-- $1 position, as text; $2 the most tags
SELECT (SELECT system_identifier FROM pg_control_system()) AS system,
       -- Of the log that is written now: the control file learns of a promotion later.
       substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) AS timeline,
       (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint AS started,
       coalesce((SELECT gen FROM edge.epoch), 0) AS gen,
       (SELECT id FROM edge.incarnation) AS incarnation,
       pg_current_snapshot()::text AS snapshot,
       (SELECT snap::text FROM edge.mark ORDER BY pg_snapshot_xmin(snap), pg_snapshot_xmax(snap) LIMIT 1) AS horizon,
       -- Left by another cluster, whose transaction ids mean nothing here. The order makes it one look into the index.
       coalesce((SELECT true FROM edge.outbox WHERE xid >= pg_snapshot_xmax(pg_current_snapshot()) ORDER BY xid LIMIT 1), false)
           OR EXISTS (SELECT FROM edge.mark WHERE pg_snapshot_xmax(snap) >= pg_snapshot_xmax(pg_current_snapshot())) AS future,
       changes.strictest, changes.tags, changes.kinds
FROM (
    SELECT max(kind) AS strictest,
           -- Without tags there were too many; the strictest kind is that of all of them.
           CASE WHEN count(*) <= $2::bigint THEN coalesce(array_agg(tag) FILTER (WHERE number <= $2::bigint), '{}') END AS tags,
           CASE WHEN count(*) <= $2::bigint THEN coalesce(array_agg(kind) FILTER (WHERE number <= $2::bigint), '{}') END AS kinds
    FROM (
        SELECT tag, max(kind) AS kind, row_number() OVER () AS number
        FROM edge.outbox
        WHERE xid >= pg_snapshot_xmax($1::text::pg_snapshot) OR xid = ANY (ARRAY(SELECT pg_snapshot_xip($1::text::pg_snapshot)))
        GROUP BY tag
    ) AS grouped
) AS changes
