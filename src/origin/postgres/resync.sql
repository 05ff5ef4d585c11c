-- All that is kept of what was changed, for a node without a position, or with one from before the horizon. One statement, so
-- one snapshot; the first columns are those of poll.sql, where they are explained. By the last two the node finds the oldest mark that
-- saw every note of a tag: what was stored since then and shows its rows can still be proved.
-- $1 the most tags
SELECT (SELECT system_identifier FROM pg_control_system()) AS system,
       substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) AS timeline,
       (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint AS started,
       coalesce((SELECT gen FROM edge.epoch), 0) AS gen,
       (SELECT id FROM edge.incarnation) AS incarnation,
       pg_current_snapshot()::text AS snapshot,
       (SELECT snap::text FROM edge.mark ORDER BY pg_snapshot_xmin(snap), pg_snapshot_xmax(snap) LIMIT 1) AS horizon,
       coalesce((SELECT true FROM edge.outbox WHERE xid >= pg_snapshot_xmax(pg_current_snapshot()) ORDER BY xid LIMIT 1), false)
           OR EXISTS (SELECT FROM edge.mark WHERE pg_snapshot_xmax(snap) >= pg_snapshot_xmax(pg_current_snapshot())) AS future,
       changes.strictest, changes.tags, changes.kinds, changes.latest,
       (SELECT coalesce(array_agg(snap::text ORDER BY pg_snapshot_xmin(snap), pg_snapshot_xmax(snap)), '{}') FROM edge.mark) AS marks
FROM (
    SELECT max(kind) AS strictest,
           CASE WHEN count(*) <= $1::bigint THEN coalesce(array_agg(tag) FILTER (WHERE number <= $1::bigint), '{}') END AS tags,
           CASE WHEN count(*) <= $1::bigint THEN coalesce(array_agg(kind) FILTER (WHERE number <= $1::bigint), '{}') END AS kinds,
           CASE WHEN count(*) <= $1::bigint THEN coalesce(array_agg(latest) FILTER (WHERE number <= $1::bigint), '{}') END AS latest
    FROM (
        SELECT tag, max(kind) AS kind, max(xid)::text::bigint AS latest, row_number() OVER () AS number
        FROM edge.outbox
        GROUP BY tag
    ) AS grouped
) AS changes
