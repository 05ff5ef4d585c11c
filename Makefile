# Thin: each target is one script in dev/, or one cargo command.
.PHONY: run test up down

run:                       # serves the embedded sample
	cargo run --release

test:                      # everything that must hold before a change lands
	dev/test.sh

up:                        # PostgreSQL, Redis and three nodes; DATA=DIR loads another set than the sample
	dev/up.sh

down:                      # ends them
	dev/down.sh
