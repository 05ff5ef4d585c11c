-- Adds a review with its photos and ratings; no row comes back when a characteristic is not one of the product's.
-- $1 product id, $2 rating, $3 time, $4 summary, $5 body, $6 recommended, $7 name, $8 e-mail, $9 photos,
-- $10 characteristic ids, each once, $11 their ratings
WITH fitting AS (
    SELECT count(*) AS number
    FROM characteristics
    WHERE product_id = $1 AND id = ANY ($10)
), review AS (
    INSERT INTO reviews (product_id, rating, date, summary, body, recommend, reviewer_name, reviewer_email)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8
    FROM fitting
    WHERE fitting.number = cardinality($10)
    RETURNING id
), photos AS (
    INSERT INTO reviews_photos (review_id, url)
    SELECT review.id, p.url
    FROM review, unnest($9) WITH ORDINALITY AS p (url, place)
    ORDER BY p.place
), ratings AS (
    INSERT INTO characteristic_reviews (characteristic_id, review_id, value)
    SELECT c.id, review.id, c.value
    FROM review, unnest($10, $11) WITH ORDINALITY AS c (id, value, place)
    ORDER BY c.place
)
SELECT id FROM review
