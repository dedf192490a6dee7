# What a person types in this repository. `make test` ends with one line: `N passed, N failed`.

CLIENTS := server/tests/clients
# In use while the file is newer than the lock file.
NPM := $(CLIENTS)/node_modules/.package-lock.json
VENV := $(CLIENTS)/python/.venv
# A copy that is in use while it is newer than what it was made from.
PIP := $(VENV)/requirements.txt

.PHONY: run test needs lint fmt prove fuzz bench

# The server on SQLite in ./data at http://localhost:8080, as a newcomer wants it, clients that register themselves included; RELEASE=1 for an optimised build.
run:
	env -u ENVIRONMENT ENABLE_DYNAMIC_CLIENT_REGISTRATION=true DYNAMIC_CLIENT_REGISTRATION_MODE=open \
		cargo run $(if $(RELEASE),--release) --bin authgate -- serve

# What is missing makes its suite fail, and so is counted, instead of ending the run here.
test:
	-@$(MAKE) --no-print-directory needs
	@python3 scripts/suites.py

needs: $(NPM) $(PIP)
	@command -v openssl >/dev/null || $(call apt,openssl)
	@test -n "$$CHROMIUM" || command -v chromium >/dev/null || $(call apt,chromium fonts-liberation)
	cd $(CLIENTS)/go && go mod download

apt = { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(1); }

$(NPM): $(CLIENTS)/package-lock.json
	cd $(CLIENTS) && npm ci --ignore-scripts --no-audit --no-fund

$(PIP): $(CLIENTS)/python/requirements.txt
	@python3 -c 'import ensurepip' 2>/dev/null || $(call apt,python3-venv)
	python3 -m venv --clear $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	cp $< $@

lint: $(PIP)
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	command -v cargo-deny >/dev/null || cargo install cargo-deny --locked
	cargo deny check bans licenses sources
	cargo deny --manifest-path server/fuzz/Cargo.toml --config deny.toml check bans licenses sources
	cd $(CLIENTS)/go && ! gofmt -l . | grep . && go vet ./...
	cd $(CLIENTS)/python && .venv/bin/ruff format --check . && .venv/bin/ruff check . ../../../../scripts && .venv/bin/mypy .

fmt: $(PIP)
	cargo fmt --all
	cd $(CLIENTS)/go && gofmt -w .
	cd $(CLIENTS)/python && .venv/bin/ruff format .

# What each operation costs, beside what the machine allows; on a fresh store and on one with a million tokens.
BENCH := target/release/authgate-bench --server target/release/authgate
bench:
	cargo build --release --bin authgate --bin authgate-bench
	$(BENCH)
	$(BENCH) --rows 1000000 --connections 8 client_credentials introspection introspection-miss refresh code device-poll
	$(BENCH) --resources

# What takes longer than `make test` may: thousands of random schedules of refreshes, of racing requests and of everything, and
# crashes over and over.
prove:
	AUTHGATE_SEEDS=10000 cargo test -p authgate-actors --lib simulation
	AUTHGATE_SCHEDULES=10000 cargo test -p authgate-core --test it refresh_model
	AUTHGATE_MUTATIONS=2000 cargo test -p authgate --test it corpus
	AUTHGATE_SCHEDULES=3000 cargo test -p authgate-core --test it linearizability
	AUTHGATE_SCHEDULES=1000 cargo test -p authgate --test it linearizability
	AUTHGATE_CRASHES=50 cargo test -p authgate --test it crash::load -- --nocapture
	for round in 1 2 3 4 5 6 7 8 9 10; do cargo test -q -p authgate --test it crash -- --skip load || exit 1; done

# Arbitrary input for every parser and the token endpoint, FUZZ_SECONDS each. What breaks one lies in server/fuzz/artifacts and
# goes into server/fuzz/corpus with the mending. No sanitizer: none of our code is unsafe, and C would not be instrumented.
FUZZ_SECONDS ?= 60
fuzz:
	command -v cargo-fuzz >/dev/null || cargo install cargo-fuzz --locked
	cd server/fuzz && for target in $$(ls corpus); do \
		mkdir -p target/found/$$target && FUZZ_TARGET=$$target cargo fuzz run -s none any \
			target/found/$$target corpus/$$target -- -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done
