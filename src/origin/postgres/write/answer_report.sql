-- Hides it for good; once more is no error.
-- $1 answer id
UPDATE answers
SET reported = true
WHERE id = $1
RETURNING id
