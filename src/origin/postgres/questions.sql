-- A page of a product's questions, the most helpful first: a row per shown answer, or one row without.
-- $1 product id, $2 offset, $3 rows
SELECT q.id, q.body, q.date_written, q.asker_name, q.helpful,
       a.id, a.body, a.date_written, a.answerer_name, a.helpful,
       ARRAY(SELECT p.url FROM answers_photos AS p WHERE p.answer_id = a.id ORDER BY p.id)
FROM (
    SELECT id, body, date_written, asker_name, helpful
    FROM questions
    WHERE product_id = $1 AND NOT reported
    ORDER BY helpful DESC, id
    OFFSET $2
    LIMIT $3
) AS q
LEFT JOIN answers AS a ON a.question_id = q.id AND NOT a.reported
ORDER BY q.helpful DESC, q.id, a.id
