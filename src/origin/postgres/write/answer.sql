-- Adds an answer with its photos.
-- $1 question id, $2 time, $3 body, $4 name, $5 e-mail, $6 photos
WITH answer AS (
    INSERT INTO answers (question_id, date_written, body, answerer_name, answerer_email)
    VALUES ($1, $2, $3, $4, $5)
    RETURNING id
), photos AS (
    INSERT INTO answers_photos (answer_id, url)
    SELECT answer.id, p.url
    FROM answer, unnest($6) WITH ORDINALITY AS p (url, place)
    ORDER BY p.place
)
SELECT id FROM answer
