# Thin: each target is one script in dev/, or one cargo command.
.PHONY: run test

run:
	cargo run --release

test:
	dev/test.sh
