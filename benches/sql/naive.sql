-- The plain form of a style's children, made from a loaded catalogue: one table each, indexed by parent id.
-- Run by compare.sh. Takes a few minutes for 1,000,000 products.

DROP SCHEMA IF EXISTS naive CASCADE;
CREATE SCHEMA naive;
CREATE TABLE naive.styles AS
    SELECT id, product_id, name, (original_price / 100.0)::numeric(12, 2) AS original_price,
           (sale_price / 100.0)::numeric(12, 2) AS sale_price, default_style
    FROM styles ORDER BY id;
CREATE TABLE naive.photos AS
    SELECT p.id, s.id AS style_id, p.url, p.thumbnail_url
    FROM styles AS s, unnest(s.photo_ids, s.photo_urls, s.photo_thumbnails) AS p (id, url, thumbnail_url) ORDER BY p.id;
CREATE TABLE naive.skus AS
    SELECT k.id, s.id AS style_id, k.size, k.quantity
    FROM styles AS s, unnest(s.sku_ids, s.sku_sizes, s.sku_quantities) AS k (id, size, quantity) ORDER BY k.id;
ALTER TABLE naive.styles ADD PRIMARY KEY (id);
ALTER TABLE naive.photos ADD PRIMARY KEY (id);
ALTER TABLE naive.skus ADD PRIMARY KEY (id);
CREATE INDEX ON naive.styles (product_id);
CREATE INDEX ON naive.photos (style_id);
CREATE INDEX ON naive.skus (style_id);
VACUUM ANALYZE naive.styles;
VACUUM ANALYZE naive.photos;
VACUUM ANALYZE naive.skus;
