-- Three products, of which the third has nothing, and no id that two tables share: a tag made of the wrong id is a wrong tag.
INSERT INTO products (id, name, slogan, description, category, default_price) VALUES
    (1, 'Coat', 'Warm', 'Wool', 'Coats', 14000), (2, 'Hat', 'Flat', 'Felt', 'Hats', 4050), (3, 'Sock', '', '', 'Socks', 0);
INSERT INTO features (id, product_id, feature, value) VALUES (11, 1, 'Fabric', 'Wool'), (12, 1, 'Lining', NULL), (13, 2, 'Brim', '');
INSERT INTO styles (id, product_id, name, original_price, sale_price, default_style, photo_ids, photo_urls, photo_thumbnails,
                    sku_ids, sku_sizes, sku_quantities) VALUES
    (21, 1, 'Blue', 14000, 9999, true, '{211, 212}', '{a, b}', '{c, NULL}', '{213, 214}', '{M, L}', '{3, NULL}'),
    (22, 1, 'Red', 14000, NULL, false, '{}', '{}', '{}', '{}', '{}', '{}'),
    (23, 2, 'Grey', 4050, NULL, true, '{231}', '{d}', '{e}', '{232}', '{One}', '{1}');
INSERT INTO related (id, product_id, related_product_id) VALUES (31, 1, 2), (32, 1, 3), (33, 2, 1);
INSERT INTO reviews (id, product_id, date, rating, recommend, reported, helpfulness, summary, body, reviewer_name, reviewer_email, response) VALUES
    (41, 1, 1000, 5, true, false, 3, 'Good', 'Very', 'mira', 'm@example.com', NULL),
    (42, 1, 2000, 1, false, true, 9, 'Spam', 'Buy', 'x', 'x@example.com', NULL),
    (43, 2, 3000, 2, false, false, 0, '', 'Flat', 'olu', 'o@example.com', 'Sorry'),
    (44, 1, 4000, 4, true, false, 1, 'Fine', 'Yes', 'ines', 'i@example.com', NULL);
INSERT INTO reviews_photos (id, review_id, url) VALUES (51, 41, 'f'), (52, 43, 'g');
INSERT INTO characteristics (id, product_id, name) VALUES (61, 1, 'Fit'), (62, 2, 'Fit'), (63, 1, 'Length');
-- The last one rates a product by a review of another.
INSERT INTO characteristic_reviews (id, characteristic_id, review_id, value) VALUES (71, 61, 41, 5), (72, 62, 43, 1), (73, 61, 43, 2);
INSERT INTO questions (id, product_id, date_written, helpful, reported, body, asker_name, asker_email) VALUES
    (81, 1, 1000, 2, false, 'Lined?', 'ines', 'i@example.com'), (82, 1, 2000, 1, false, 'Warm?', 'olu', 'o@example.com'),
    (83, 2, 3000, 0, false, 'Felt?', 'olu', 'o@example.com'), (84, 1, 4000, 9, true, 'Buy?', 'x', 'x@example.com');
INSERT INTO answers (id, question_id, date_written, helpful, reported, body, answerer_name, answerer_email) VALUES
    (91, 81, 1000, 1, false, 'Yes', 'Seller', 's@example.com'), (92, 81, 2000, 4, false, 'It is', 'mira', 'm@example.com'),
    (93, 83, 3000, 0, false, 'Real', 'Seller', 's@example.com'), (94, 81, 4000, 0, true, 'Buy', 'x', 'x@example.com');
INSERT INTO answers_photos (id, answer_id, url) VALUES (101, 91, 'h'), (102, 93, 'i'), (103, 94, 'j');
