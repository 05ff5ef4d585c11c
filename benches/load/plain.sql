-- The set as somebody would take it in by hand: one table per file with the file's columns, primary and foreign keys, then
-- \copy one file after the other. Needs a set without dirt; the first bad row would end it.
--   psql -v data=DIR -f benches/load/plain.sql
-- psql does not put variables into \copy, so that run.sh puts the folder into this file instead of :data.
\set ON_ERROR_STOP on
DROP SCHEMA IF EXISTS plain CASCADE;
CREATE SCHEMA plain;
SET search_path = plain;

CREATE TABLE product (id integer PRIMARY KEY, name text NOT NULL, slogan text NOT NULL, description text NOT NULL, category text NOT NULL, default_price numeric NOT NULL);
CREATE TABLE features (id integer PRIMARY KEY, product_id integer NOT NULL REFERENCES product, feature text NOT NULL, value text);
CREATE TABLE styles (id integer PRIMARY KEY, product_id integer NOT NULL REFERENCES product, name text NOT NULL, sale_price numeric, original_price numeric NOT NULL, default_style boolean NOT NULL);
CREATE TABLE photos (id integer PRIMARY KEY, style_id integer NOT NULL REFERENCES styles, url text, thumbnail_url text);
CREATE TABLE skus (id integer PRIMARY KEY, style_id integer NOT NULL REFERENCES styles, size text, quantity integer);
CREATE TABLE related (id integer PRIMARY KEY, current_product_id integer NOT NULL REFERENCES product, related_product_id integer NOT NULL REFERENCES product);
CREATE TABLE reviews (id integer PRIMARY KEY, product_id integer NOT NULL REFERENCES product, rating smallint NOT NULL, date bigint NOT NULL, summary text NOT NULL, body text NOT NULL, recommend boolean NOT NULL, reported boolean NOT NULL, reviewer_name text NOT NULL, reviewer_email text NOT NULL, response text, helpfulness integer NOT NULL);
CREATE TABLE reviews_photos (id integer PRIMARY KEY, review_id integer NOT NULL REFERENCES reviews, url text NOT NULL);
CREATE TABLE characteristics (id integer PRIMARY KEY, product_id integer NOT NULL REFERENCES product, name text NOT NULL);
CREATE TABLE characteristic_reviews (id integer PRIMARY KEY, characteristic_id integer NOT NULL REFERENCES characteristics, review_id integer NOT NULL REFERENCES reviews, value smallint NOT NULL);
CREATE TABLE questions (id integer PRIMARY KEY, product_id integer NOT NULL REFERENCES product, body text NOT NULL, date_written bigint NOT NULL, asker_name text NOT NULL, asker_email text NOT NULL, reported boolean NOT NULL, helpful integer NOT NULL);
CREATE TABLE answers (id integer PRIMARY KEY, question_id integer NOT NULL REFERENCES questions, body text NOT NULL, date_written bigint NOT NULL, answerer_name text NOT NULL, answerer_email text NOT NULL, reported boolean NOT NULL, helpful integer NOT NULL);
CREATE TABLE answers_photos (id integer PRIMARY KEY, answer_id integer NOT NULL REFERENCES answers, url text NOT NULL);

\timing on
\copy product FROM ':data/product.csv' (FORMAT csv, HEADER, NULL 'null')
\copy features FROM ':data/features.csv' (FORMAT csv, HEADER, NULL 'null')
\copy styles FROM ':data/styles.csv' (FORMAT csv, HEADER, NULL 'null')
\copy photos FROM ':data/photos.csv' (FORMAT csv, HEADER, NULL 'null')
\copy skus FROM ':data/skus.csv' (FORMAT csv, HEADER, NULL 'null')
\copy related FROM ':data/related.csv' (FORMAT csv, HEADER, NULL 'null')
\copy reviews FROM ':data/reviews.csv' (FORMAT csv, HEADER, NULL 'null')
\copy reviews_photos FROM ':data/reviews_photos.csv' (FORMAT csv, HEADER, NULL 'null')
\copy characteristics FROM ':data/characteristics.csv' (FORMAT csv, HEADER, NULL 'null')
\copy characteristic_reviews FROM ':data/characteristic_reviews.csv' (FORMAT csv, HEADER, NULL 'null')
\copy questions FROM ':data/questions.csv' (FORMAT csv, HEADER, NULL 'null')
\copy answers FROM ':data/answers.csv' (FORMAT csv, HEADER, NULL 'null')
\copy answers_photos FROM ':data/answers_photos.csv' (FORMAT csv, HEADER, NULL 'null')
