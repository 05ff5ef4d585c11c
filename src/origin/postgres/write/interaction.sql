-- Keeps what somebody clicked. No column comes back: the user need not be allowed to read them.
-- $1 element, $2 widget, $3 time in the client's words, $4 time of receipt
INSERT INTO interactions (element, widget, time, received_at)
VALUES ($1, $2, $3, $4)
RETURNING true
