# Thin: each target is one script in dev/, or one cargo command.
.PHONY: run package test up down session k6 nginx consistency faults memory openapi schemathesis fuzz bench hits regress terraform

run:                       # serves the embedded sample
	cargo run --release

package:                   # target/package/: a .deb and a tarball; PROFILE=dev for a debug build
	dev/package.sh

test:                      # everything that must hold before a change lands
	dev/test.sh

up:                        # PostgreSQL, Redis, three nodes, nginx before them and Prometheus; DATA=DIR loads another set than the sample
	dev/up.sh

down:                      # ends them
	dev/down.sh

session:                   # visits of a front end against `make up`, through nginx; ROUNDS=10000 SHOPPERS=16 SEED=…
	dev/session.sh

k6:                        # smoke and read-heavy against `make up`, through nginx; SCENARIOS='stress restart' RATE=20 DURATION=60, k6/README.md
	dev/k6.sh

nginx:                     # what the linter of configurations says of nginx/
	dev/nginx.sh

consistency:               # the promise of docs/freshness.md under faults, with new seeds, for MINUTES=10; SCENES=… SEED=…
	dev/consistency.sh

faults:                    # what readers and writers get when something breaks, every bar of docs/failures.md; ONLY=D1,S2
	dev/faults.sh

memory:                    # a node in little memory, asked for far more than it can keep, for MINUTES=10
	dev/memory.sh

openapi:                   # lints docs/openapi.yaml with spectral and redocly
	dev/openapi.sh

schemathesis:              # asks a real node what schemathesis makes of docs/openapi.yaml; CASES=120 SEED=…
	dev/schemathesis.sh

fuzz:                      # lets libFuzzer look for inputs that break a rule, SECONDS=60 for each target; TARGETS='route body' MUTATED=100000 SEED=…
	FUZZ_SECONDS=$(SECONDS) dev/fuzz.sh

bench:                     # hits beside bare hyper, axum, nginx, Varnish and Express, in one run; ROUNDS=5 SECONDS_EACH=3
	dev/bench.sh

hits:                      # how many instructions a hit takes, beside its budget in benches/hit/budget.toml; BUDGET=write
	dev/hits.sh

regress:                   # CPU time of a hit, beside that of an earlier commit, as releases; BASE=COMMIT ROUNDS=7, BASE_BINARY=FILE HEAD_BINARY=FILE
	dev/regress.sh

terraform:                 # everything about terraform/, with checkov and a stand-in for AWS
	dev/terraform.sh
