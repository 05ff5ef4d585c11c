-- A page of a product's reviews, the newest first.
-- $1 product id, $2 offset, $3 rows
SELECT r.id, r.rating, r.summary, r.recommend, r.response, r.body, r.date, r.reviewer_name, r.helpfulness,
       ARRAY(SELECT p.id FROM reviews_photos AS p WHERE p.review_id = r.id ORDER BY p.id),
       ARRAY(SELECT p.url FROM reviews_photos AS p WHERE p.review_id = r.id ORDER BY p.id)
FROM reviews AS r
WHERE r.product_id = $1 AND NOT r.reported
ORDER BY r.date DESC, r.id DESC
OFFSET $2
LIMIT $3
