-- A page of a question's answers, the most helpful first.
-- $1 question id, $2 offset, $3 rows
SELECT a.id, a.body, a.date_written, a.answerer_name, a.helpful,
       ARRAY(SELECT p.id FROM answers_photos AS p WHERE p.answer_id = a.id ORDER BY p.id),
       ARRAY(SELECT p.url FROM answers_photos AS p WHERE p.answer_id = a.id ORDER BY p.id)
FROM answers AS a
WHERE a.question_id = $1 AND NOT a.reported
ORDER BY a.helpful DESC, a.id
OFFSET $2
LIMIT $3
