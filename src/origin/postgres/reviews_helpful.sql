-- A page of a product's reviews, the most helpful first. Photos are looked up only for the rows that are shown, not for those before them.
-- $1 product id, $2 offset, $3 rows
SELECT r.id, r.rating, r.summary, r.recommend, r.response, r.body, r.date, r.reviewer_name, r.helpfulness,
       ARRAY(SELECT p.id FROM reviews_photos AS p WHERE p.review_id = r.id ORDER BY p.id),
       ARRAY(SELECT p.url FROM reviews_photos AS p WHERE p.review_id = r.id ORDER BY p.id)
FROM (
    SELECT id, rating, summary, recommend, response, body, date, reviewer_name, helpfulness
    FROM reviews
    WHERE product_id = $1 AND NOT reported
    ORDER BY helpfulness DESC, date DESC, id DESC
    OFFSET $2
    LIMIT $3
) AS r
ORDER BY r.helpfulness DESC, r.date DESC, r.id DESC
