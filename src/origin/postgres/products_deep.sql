-- A page of the product list, at any offset. The counts by ranges of ids lead to the range of the first row, level by level; only within
-- the last one, of 256 ids, rows are walked past. `before` are the rows before a bucket, `upto` those and its own. Counts of another epoch
-- are not believed: then it is walked.
-- $1 offset, $2 rows
SELECT p.id, p.name, p.slogan, p.description, p.category, p.default_price
FROM products AS p
WHERE p.id >= (
    CASE WHEN EXISTS (SELECT FROM edge.counted JOIN edge.epoch USING (gen)) THEN (
        SELECT i.id
        FROM (
            SELECT bucket, before
            FROM (SELECT bucket, sum(n) OVER up AS upto, coalesce(sum(n) OVER below, 0) AS before
                  FROM edge.product_counts
                  WHERE level = 3
                  WINDOW up AS (ORDER BY bucket), below AS (ORDER BY bucket GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) AS c
            WHERE upto > $1
            ORDER BY bucket
            LIMIT 1
        ) AS high
        CROSS JOIN LATERAL (
            SELECT bucket, high.before + before AS before
            FROM (SELECT bucket, sum(n) OVER up AS upto, coalesce(sum(n) OVER below, 0) AS before
                  FROM edge.product_counts
                  WHERE level = 2 AND bucket BETWEEN high.bucket << 8 AND (high.bucket << 8) + 255
                  WINDOW up AS (ORDER BY bucket), below AS (ORDER BY bucket GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) AS c
            WHERE high.before + upto > $1
            ORDER BY bucket
            LIMIT 1
        ) AS middle
        CROSS JOIN LATERAL (
            SELECT bucket, middle.before + before AS before
            FROM (SELECT bucket, sum(n) OVER up AS upto, coalesce(sum(n) OVER below, 0) AS before
                  FROM edge.product_counts
                  WHERE level = 1 AND bucket BETWEEN middle.bucket << 8 AND (middle.bucket << 8) + 255
                  WINDOW up AS (ORDER BY bucket), below AS (ORDER BY bucket GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) AS c
            WHERE middle.before + upto > $1
            ORDER BY bucket
            LIMIT 1
        ) AS low
        CROSS JOIN LATERAL (
            SELECT id FROM products WHERE id >= low.bucket << 8 ORDER BY id OFFSET $1 - low.before LIMIT 1
        ) AS i
    ) ELSE (SELECT id FROM products ORDER BY id OFFSET $1 LIMIT 1) END
)
ORDER BY p.id
LIMIT $2
