-- The same tables, children gathered into arrays instead of JSON.
\set product random(1, :products)
SELECT s.id, s.name, s.original_price, s.sale_price, s.default_style, p.urls, p.thumbnails, k.ids, k.sizes, k.quantities
FROM naive.styles AS s
LEFT JOIN LATERAL (SELECT array_agg(url ORDER BY id) AS urls, array_agg(thumbnail_url ORDER BY id) AS thumbnails
                   FROM naive.photos WHERE style_id = s.id) AS p ON true
LEFT JOIN LATERAL (SELECT array_agg(id ORDER BY id) AS ids, array_agg(size ORDER BY id) AS sizes,
                          array_agg(quantity ORDER BY id) AS quantities
                   FROM naive.skus WHERE style_id = s.id) AS k ON true
WHERE s.product_id = :product
ORDER BY s.id;
