-- One product with its features: a row per feature, or one row without.
-- $1 product id
SELECT p.name, p.slogan, p.description, p.category, p.default_price, f.id, f.feature, f.value
FROM products AS p
LEFT JOIN features AS f ON f.product_id = p.id
WHERE p.id = $1
ORDER BY f.id
