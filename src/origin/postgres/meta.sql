-- What the reviews of a product come to, reported ones included: one row per characteristic, or one row without.
-- $1 product id
SELECT n.stars1, n.stars2, n.stars3, n.stars4, n.stars5, n.recommend_no, n.recommend_yes, c.id, c.name,
       (SELECT avg(v.value)::text FROM characteristic_reviews AS v WHERE v.characteristic_id = c.id)
FROM (
    SELECT count(*) FILTER (WHERE rating = 1) AS stars1,
           count(*) FILTER (WHERE rating = 2) AS stars2,
           count(*) FILTER (WHERE rating = 3) AS stars3,
           count(*) FILTER (WHERE rating = 4) AS stars4,
           count(*) FILTER (WHERE rating = 5) AS stars5,
           count(*) FILTER (WHERE NOT recommend) AS recommend_no,
           count(*) FILTER (WHERE recommend) AS recommend_yes
    FROM reviews
    WHERE product_id = $1
) AS n
LEFT JOIN characteristics AS c ON c.product_id = $1
ORDER BY c.id
