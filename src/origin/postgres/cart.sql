-- What is in a cart.
-- $1 owner
SELECT sku_id, count
FROM carts
WHERE owner = $1
ORDER BY sku_id
