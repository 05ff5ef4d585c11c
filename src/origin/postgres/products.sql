-- A page of the product list. The offset is walked in the index alone; only the rows shown are read.
-- $1 offset, $2 rows
SELECT id, name, slogan, description, category, default_price
FROM products
WHERE id >= (SELECT id FROM products ORDER BY id OFFSET $1 LIMIT 1)
ORDER BY id
LIMIT $2
