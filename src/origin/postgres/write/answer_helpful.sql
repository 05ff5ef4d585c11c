-- Counts one more who found it helpful, up to what the column holds.
-- $1 answer id
UPDATE answers
SET helpful = least(helpful, 2147483646) + 1
WHERE id = $1
RETURNING id
