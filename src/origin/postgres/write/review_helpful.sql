-- Counts one more who found it helpful, up to what the column holds.
-- $1 review id
UPDATE reviews
SET helpfulness = least(helpfulness, 2147483646) + 1
WHERE id = $1
RETURNING id
