# Thin: each target is one script in dev/, or one cargo command.
.PHONY: run test up down session consistency terraform

run:                       # serves the embedded sample
	cargo run --release

test:                      # everything that must hold before a change lands
	dev/test.sh

up:                        # PostgreSQL, Redis, three nodes and nginx before them; DATA=DIR loads another set than the sample
	dev/up.sh

down:                      # ends them
	dev/down.sh

session:                   # visits of a front end against `make up`, through nginx; ROUNDS=10000 SHOPPERS=16 SEED=…
	dev/session.sh

consistency:               # the promise of docs/freshness.md under faults, with new seeds, for MINUTES=10; SCENES=… SEED=…
	dev/consistency.sh

terraform:                 # everything about terraform/, with checkov and a stand-in for AWS
	dev/terraform.sh
