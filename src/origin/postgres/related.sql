-- The products related to one.
-- $1 product id
SELECT related_product_id
FROM related
WHERE product_id = $1
ORDER BY id
