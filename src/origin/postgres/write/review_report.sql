-- Hides it for good; once more is no error.
-- $1 review id
UPDATE reviews
SET reported = true
WHERE id = $1
RETURNING id
