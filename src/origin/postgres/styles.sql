-- The styles of a product, each with its photos and skus, which stand in the order of their ids.
-- $1 product id
SELECT id, name, original_price, sale_price, default_style,
       photo_urls, photo_thumbnails, sku_ids, sku_sizes, sku_quantities
FROM styles
WHERE product_id = $1
ORDER BY id
