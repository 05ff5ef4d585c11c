-- A page of the product list that begins not far down. The offset is walked in the index alone; only the rows shown are read.
-- Further down it is products_deep.sql.
-- $1 offset, $2 rows
SELECT id, name, slogan, description, category, default_price
FROM products
WHERE id >= (SELECT id FROM products ORDER BY id OFFSET $1 LIMIT 1)
ORDER BY id
LIMIT $2
