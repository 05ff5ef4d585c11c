-- Counts one more who found it helpful, up to what the column holds.
-- $1 question id
UPDATE questions
SET helpful = least(helpful, 2147483646) + 1
WHERE id = $1
RETURNING id
