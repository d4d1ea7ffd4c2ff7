# make check is what has to pass before a change goes in; CI runs the same.
LINT = github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

.PHONY: build test check lint tidy bench chaos soak failover mutants

build:
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o downpour .

test:
	./test.sh

check: lint tidy test

lint:
	go vet ./...
	go run $(LINT) run ./...
	cd internal/peers && go run $(LINT) run ./...

tidy:
	go mod tidy -diff
	cd internal/peers && go mod tidy -diff

bench:
	go test -run '^$$' -bench . -benchmem ./...

# Kills workers and servers under a crawl; see bench/README.md.
chaos:
	go run ./bench/chaos

# Crawls for ten minutes with hooks that do everything wrong; see bench/README.md.
soak:
	go run ./bench/soak

# Loses the primaries of a Cluster and of Sentinels, and moves a Cluster's slots,
# in the middle of crawls of 200,000 pages; takes some ten minutes.
failover:
	DOWNPOUR_FAILOVER_PAGES=200000 go test -v -count=1 -timeout 60m -run 'TestRedis(Failover|Sentinel|Reshard)$$' ./engine/frontier

# Breaks the frontier in one place after the other and wants the tests to fail.
mutants:
	DOWNPOUR_MUTANTS=1 go test ./engine/frontier -run '^TestMutants$$' -count=1 -timeout 1h -v
