-- The least a read can be: one row by its primary key.
\set product random(1, :products)
SELECT name FROM products WHERE id = :product;
