-- A page of a question's answers, the most helpful first. Photos are looked up only for the rows that are shown.
-- $1 question id, $2 offset, $3 rows
SELECT a.id, a.body, a.date_written, a.answerer_name, a.helpful,
       ARRAY(SELECT p.id FROM answers_photos AS p WHERE p.answer_id = a.id ORDER BY p.id),
       ARRAY(SELECT p.url FROM answers_photos AS p WHERE p.answer_id = a.id ORDER BY p.id)
FROM (
    SELECT id, body, date_written, answerer_name, helpful
    FROM answers
    WHERE question_id = $1 AND NOT reported
    ORDER BY helpful DESC, id
    OFFSET $2
    LIMIT $3
) AS a
ORDER BY a.helpful DESC, a.id
