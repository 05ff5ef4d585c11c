-- Hides it for good; once more is no error.
-- $1 question id
UPDATE questions
SET reported = true
WHERE id = $1
RETURNING id
