-- All that is kept of what was changed, and which life of which primary says so. Rows or marks from the future were copied
-- here from another cluster, whose transaction numbers mean nothing in this one.
-- $1 the most tags
SELECT (SELECT system_identifier FROM pg_control_system()),
       substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8),
       extract(epoch FROM pg_postmaster_start_time())::text,
       (SELECT uuid_send(id) FROM edge.incarnation),
       (SELECT gen FROM edge.epoch),
       pg_current_snapshot()::text,
       (SELECT m.snap::text FROM edge.mark AS m ORDER BY m.at LIMIT 1),
       d.tags,
       d.kinds,
       EXISTS (SELECT FROM edge.outbox WHERE xid >= pg_snapshot_xmax(pg_current_snapshot()))
           OR EXISTS (SELECT FROM edge.mark WHERE pg_snapshot_xmax(snap) > pg_snapshot_xmax(pg_current_snapshot()))
FROM (
    SELECT coalesce(array_agg(t.tag), '{}') AS tags, coalesce(array_agg(t.kind), '{}') AS kinds
    FROM (SELECT tag, max(kind) AS kind FROM edge.outbox GROUP BY tag LIMIT $1 + 1) AS t
) AS d
