# What a person types in this repository. `make test` ends with one line: `N passed, N failed`.

CLIENTS := server/tests/clients
# In use while the file is newer than the lock file.
NPM := $(CLIENTS)/node_modules/.package-lock.json

.PHONY: run test needs lint fmt

# The server on SQLite in ./data at http://localhost:8080, as a newcomer wants it; RELEASE=1 for an optimised build.
run:
	env -u ENVIRONMENT cargo run $(if $(RELEASE),--release) --bin authgate -- serve

# What is missing makes its suite fail, and so is counted, instead of ending the run here.
test:
	-@$(MAKE) --no-print-directory needs
	@python3 scripts/suites.py

needs: $(NPM)
	@command -v openssl >/dev/null || $(call apt,openssl)
	@test -n "$$CHROMIUM" || command -v chromium >/dev/null || $(call apt,chromium fonts-liberation)
	cd $(CLIENTS)/go && go mod download

apt = { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(1); }

$(NPM): $(CLIENTS)/package-lock.json
	cd $(CLIENTS) && npm ci --no-audit --no-fund

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	command -v cargo-deny >/dev/null || cargo install cargo-deny --locked
	cargo deny check bans licenses sources
	cd $(CLIENTS)/go && ! gofmt -l . | grep . && go vet ./...

fmt:
	cargo fmt --all
	cd $(CLIENTS)/go && gofmt -w .
