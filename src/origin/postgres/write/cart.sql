-- Puts a sku into a cart; no row comes back when there is no such sku.
-- $1 owner, $2 sku id, $3 how many
INSERT INTO carts (owner, sku_id, count)
SELECT $1, $2, $3
WHERE sku_style($2) IS NOT NULL
ON CONFLICT (owner, sku_id) DO UPDATE SET count = carts.count + excluded.count
RETURNING sku_id
