-- What was changed since a position, and which life of which primary says so. The rows of the outbox are exactly those that
-- became visible: the ones whose transaction the position's snapshot did not see.
-- $1 position, $2 the most tags
SELECT (SELECT system_identifier FROM pg_control_system()),
       substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8),
       extract(epoch FROM pg_postmaster_start_time())::text,
       (SELECT uuid_send(id) FROM edge.incarnation),
       (SELECT gen FROM edge.epoch),
       pg_current_snapshot()::text,
       (SELECT pg_snapshot_xmin(m.snap)::text::bigint FROM edge.mark AS m ORDER BY m.at LIMIT 1),
       d.tags,
       d.kinds
FROM (
    SELECT coalesce(array_agg(t.tag), '{}') AS tags, coalesce(array_agg(t.kind), '{}') AS kinds
    FROM (
        SELECT tag, max(kind) AS kind
        FROM edge.outbox
        WHERE xid >= pg_snapshot_xmax($1::text::pg_snapshot)
           OR xid = ANY (ARRAY(SELECT pg_snapshot_xip($1::text::pg_snapshot)))
        GROUP BY tag
        LIMIT $2 + 1
    ) AS t
) AS d
