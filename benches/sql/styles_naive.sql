-- The usual form: the whole document as nested JSON, made in the database, byte for byte what the API answers (but for
-- the blanks that PostgreSQL puts in): prices as text, and a placeholder where a style has no photos or skus.
\set product random(1, :products)
SELECT json_build_object('product_id', :product::text, 'results', coalesce((
    SELECT json_agg(json_build_object(
        'style_id', s.id, 'name', s.name, 'original_price', s.original_price::text, 'sale_price', s.sale_price::text,
        'default?', s.default_style,
        'photos', coalesce((SELECT json_agg(json_build_object('thumbnail_url', p.thumbnail_url, 'url', p.url) ORDER BY p.id)
                            FROM naive.photos AS p WHERE p.style_id = s.id),
                           '[{"thumbnail_url": null, "url": null}]'),
        'skus', coalesce((SELECT json_object_agg(k.id, json_build_object('quantity', k.quantity, 'size', k.size) ORDER BY k.id)
                          FROM naive.skus AS k WHERE k.style_id = s.id),
                         '{"null": {"quantity": null, "size": null}}')) ORDER BY s.id)
    FROM naive.styles AS s WHERE s.product_id = :product), '[]'));
