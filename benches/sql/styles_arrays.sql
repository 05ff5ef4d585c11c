-- What the server asks (src/origin/postgres/styles.sql): photos and skus come with their style.
\set product random(1, :products)
SELECT id, name, original_price, sale_price, default_style,
       photo_urls, photo_thumbnails, sku_ids, sku_sizes, sku_quantities
FROM styles
WHERE product_id = :product
ORDER BY id;
