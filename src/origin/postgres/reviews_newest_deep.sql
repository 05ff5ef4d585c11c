-- A page of a product's reviews, the newest first, far down. It begins at the last step that is not behind the first row for sure, and walks
-- from there; without steps, from the first review. Moves since the steps were made say how many rows stand before that step now.
-- $1 product id, $2 offset, $3 rows
WITH step AS MATERIALIZED (
    SELECT s.date, s.id,
           s.position + (SELECT coalesce(sum(m.d), 0) FROM edge.review_moves AS m
                         WHERE m.product_id = $1 AND (m.date, m.id) > (s.date, s.id)) AS before
    FROM edge.review_steps AS s
    WHERE s.product_id = $1 AND s.newest
      AND s.position <= $2 - (SELECT count(*) FROM edge.review_moves AS m WHERE m.product_id = $1 AND m.d > 0)
      AND s.gen = (SELECT gen FROM edge.epoch)
    ORDER BY s.position DESC
    LIMIT 1
)
SELECT r.id, r.rating, r.summary, r.recommend, r.response, r.body, r.date, r.reviewer_name, r.helpfulness,
       ARRAY(SELECT p.id FROM reviews_photos AS p WHERE p.review_id = r.id ORDER BY p.id),
       ARRAY(SELECT p.url FROM reviews_photos AS p WHERE p.review_id = r.id ORDER BY p.id)
FROM (
    SELECT id, rating, summary, recommend, response, body, date, reviewer_name, helpfulness
    FROM reviews
    WHERE product_id = $1 AND NOT reported AND (date, id) <= (coalesce((SELECT date FROM step), 9223372036854775807), coalesce((SELECT id FROM step), 2147483647))
    ORDER BY date DESC, id DESC
    OFFSET $2 - coalesce((SELECT before FROM step), 0)
    LIMIT $3
) AS r
ORDER BY r.date DESC, r.id DESC
