-- The styles of a product, each with its photos and skus.
-- $1 product id
SELECT id, name, original_price, sale_price, default_style,
       photo_ids, photo_urls, photo_thumbnails, sku_ids, sku_sizes, sku_quantities
FROM styles
WHERE product_id = $1
ORDER BY id
