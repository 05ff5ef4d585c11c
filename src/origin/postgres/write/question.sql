-- Adds a question.
-- $1 product id, $2 time, $3 body, $4 name, $5 e-mail
INSERT INTO questions (product_id, date_written, body, asker_name, asker_email)
VALUES ($1, $2, $3, $4, $5)
RETURNING id
