# What a developer runs is what .ci/run runs. Needs Go, git, make, gcc (for the race detector), bash, coreutils and, for
# `make test`, Chromium.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := build

# Tools are built from their Go modules at a pinned version, once, into a folder of the user's cache.
GOLANGCI_VERSION    := v2.15.0
GOVULNCHECK_VERSION := v1.9.0
GORELEASER_VERSION  := v2.16.0
TOOLS    := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/daemongate/tools
GOLANGCI := $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION)
GORELEASER := $(TOOLS)/goreleaser-$(GORELEASER_VERSION)

# What is released is built with this Go, whichever is installed: the same commit gives the same bytes everywhere, and
# nothing of its standard library is known to be vulnerable, which `vuln` looks for with the same one.
RELEASE_GO := go1.26.10
image krew release-snapshot vuln: export GOTOOLCHAIN := $(RELEASE_GO)

VERSION := $(or $(shell .ci/version),unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)

# The cluster is of the newest supported Kubernetes; KUBERNETES=1.34 makes it the oldest one.
KUBERNETES :=
OLDEST     := 1.34
OLDEST_PACKAGES := ./sync ./cmd/daemongate

# Each prints the path of a binary, the first two after building it if it is missing: the cluster, the Git host, and the
# browser, which must be installed.
DEVCLUSTER_PATH  = .ci/build-devcluster $(KUBERNETES)
DEVHOST_PATH    := .ci/build-devhost
CHROMIUM_PATH   := .ci/find-chromium

# Some shells export a HOST of their own: only one given to make counts.
DEMO_HOST := $(if $(findstring command,$(origin HOST)),$(HOST))

.PHONY: build chaos clusters fleets scale test test-all test-oldest test-unit lint tidy vuln bench demo generate image krew man recording release-snapshot sbom screenshots build-devcluster build-devhost clean help

build: ## bin/daemongate
	go build -ldflags '$(LDFLAGS)' -o bin/daemongate ./cmd/daemongate

# Without what only a debugger reads of a binary, and without go vet, which lint runs: both are a minute of two processors.
test: ## every test, on real clusters, with the race detector
	@browser=$$($(CHROMIUM_PATH)) && cluster=$$($(DEVCLUSTER_PATH)) && host=$$($(DEVHOST_PATH)) && \
		export CHROMIUM="$$browser" DEVCLUSTER="$$cluster" DEVHOST="$$host" && set -x && \
		go run ./cmd/devtest . -race -vet=off -ldflags=-w -timeout 45m ./sync ./cmd/demo ./... \
			-- cmd/devcluster -timeout 15m ./... -- cmd/devhost ./... -- cmd/devpackages -count=1 -vet=off -ldflags=-w -timeout 15m ./... \
			-- cmd/devrelease -count=1 -vet=off -ldflags=-w -timeout 45m ./...

# The tests that read the variable have sizes and rounds for every day, and these. The brake is compared with none.
test-all: export DAEMONGATE_TEST_ALL := 1
test-all: test ## as test, with the largest sizes and all rounds of random stories: for the night
	@cluster=$$($(DEVCLUSTER_PATH)) && export DEVCLUSTER="$$cluster" && set -x && \
		go test -run '^$$' -bench TheBrake -benchtime 1x -timeout 60m ./sync

# A control plane of another Kubernetes is a quarter of an hour to compile, so this is no part of make test.
test-oldest: KUBERNETES := $(OLDEST)
test-oldest: ## the stories on the oldest supported Kubernetes: outside make test
	@cluster=$$($(DEVCLUSTER_PATH)) && export DEVCLUSTER="$$cluster" && set -x && \
		go test -count=1 -vet=off -timeout 15m -run '^TestTheStory$$' ./cmd/demo && \
		go test -count=1 -vet=off -timeout 45m $(OLDEST_PACKAGES) && \
		go -C cmd/devpackages test -count=1 -vet=off -ldflags=-w -timeout 15m ./...

# Without the race detector, which makes the longest of them five times as slow: make test has it.
test-unit: ## the tests that need no cluster: about a minute
	go run ./cmd/devtest . -short ./gitsource ./render ./...

# go vet finds Kubernetes compiled by the build of the cluster binary; golangci-lint on that module would type-check
# all of it from source, for a few hundred lines of ours.
lint: $(GOLANGCI) ## formatting, go.mod, the floors and the linters of .golangci.yml
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; }
	go mod tidy -diff
	cd cmd/devcluster && go mod tidy -diff && go mod tidy -diff -modfile=go134.mod
	cd cmd/devhost && go mod tidy -diff && go vet ./...
	cd cmd/devpackages && go mod tidy -diff && go vet ./...
	cd cmd/devrelease && go mod tidy -diff && go vet ./...
	$(GOLANGCI) run ./...
	@$(DEVCLUSTER_PATH) >/dev/null
	cd cmd/devcluster && go vet ./...

$(GOLANGCI):
	@echo "building golangci-lint $(GOLANGCI_VERSION), once, takes a minute…"
	@mkdir -p $(TOOLS) && folder=$$(mktemp -d $(TOOLS)/build.XXXXXX) && trap 'rm -rf "$$folder"' EXIT && \
		GOBIN="$$folder" go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION) && \
		mv "$$folder/golangci-lint" $@

tidy: $(GOLANGCI) ## formatting, go mod tidy
	$(GOLANGCI) fmt
	go mod tidy
	cd cmd/devcluster && go mod tidy && go mod tidy -modfile=go134.mod
	cd cmd/devhost && go mod tidy
	cd cmd/devpackages && go mod tidy
	cd cmd/devrelease && go mod tidy

vuln: ## known vulnerabilities that the code can reach; VULNDB=file:///folder where no database can be downloaded
	@.ci/vuln $(GOVULNCHECK_VERSION)

bench: ## the benchmarks, on real clusters and in a real browser
	@browser=$$($(CHROMIUM_PATH)) && path=$$($(DEVCLUSTER_PATH)) && export CHROMIUM="$$browser" DEVCLUSTER="$$path" && set -x && \
		go test -run '^$$' -bench . -benchmem -timeout 60m ./...

demo: build ## the story, on a real control plane, in this terminal; HOST=gitea: on a real Git host too; KUBERNETES=1.34: of that version; KEEP=1: the cluster stays until ^C
	@path=$$($(DEVCLUSTER_PATH)) && export DEVCLUSTER="$$path" DAEMONGATE="$(CURDIR)/bin/daemongate" DEMO_HOST="$(DEMO_HOST)" DEMO_KEEP="$(KEEP)" && \
		if [ -n "$$DEMO_HOST" ]; then path=$$($(DEVHOST_PATH)) && export DEVHOST="$$path"; fi && \
		go build -o bin/demo ./cmd/demo && exec bin/demo # go run would call its end by ^C an error

FLEETS := 300
fleets: ## FLEETS=300 random fleets on which `plan` and the real scheduler must agree; `make test` plays some
	@path=$$($(DEVCLUSTER_PATH)) && DEVCLUSTER="$$path" PLAN_FLEETS=$(FLEETS) go test -count=1 -run TestTheSchedulerAgrees -v ./rollout/plan

clusters: ## FLEET_SIZES=30,100,300 simulated clusters through canaries, a region and the rest, over one repository with real Git; FLEET_COMMITS=1 more
	FLEET_SIZES=$(or $(FLEET_SIZES),30,100,300) FLEET_COMMITS=$(or $(FLEET_COMMITS),1) go test -count=1 -timeout=3h -run TestACommitGoesThroughAFleet -v ./sync/source

# A seed that breaks a law says how to play it again, and its logs stay. BEFORE is the version that is upgraded from in
# some runs: the previous commit, where the history is there.
BEFORE := HEAD~1
chaos: bin/daemongate-clock bin/daemongate-before ## CHAOS_SEEDS=200 runs, from the seed CHAOS_FIRST=1, in which everything fails: for the night
	@path=$$($(DEVCLUSTER_PATH)) && export DEVCLUSTER="$$path" DAEMONGATE="$(CURDIR)/bin/daemongate-clock" && \
		if [ -x bin/daemongate-before ]; then export DAEMONGATE_BEFORE="$(CURDIR)/bin/daemongate-before"; fi && go run ./cmd/chaos

# Each size has a cluster of its own, one after the other. How far it is, the tables and what grows too much are printed.
# It is built without C, as releases are: what is measured is what is released.
scale: export CGO_ENABLED := 0
scale: build ## SCALE_SYNCS=10,100,1000 Syncs, SCALE_NODES=50,500,5000, SCALE_OBJECTS=100,1000,10000 of one Sync: what they cost, and how that grows: an hour and a half
	@path=$$($(DEVCLUSTER_PATH)) && export DEVCLUSTER="$$path" DAEMONGATE="$(CURDIR)/bin/daemongate" SCALE_SYNCS="$(SCALE_SYNCS)" \
		SCALE_NODES="$(SCALE_NODES)" SCALE_OBJECTS="$(SCALE_OBJECTS)" SCALE_LOG="$(SCALE_LOG)" SCALE_PROFILES="$(SCALE_PROFILES)" && go run ./cmd/scale

.PHONY: bin/daemongate-before bin/daemongate-clock
bin/daemongate-clock:
	@echo "building a Daemongate whose clock can be moved: all is compiled anew, once, takes minutes…" && .ci/build-clock "$(CURDIR)/$@"

bin/daemongate-before:
	@rm -f $@; if commit=$$(git rev-parse -q --verify "$(BEFORE)^{commit}" 2>/dev/null); then \
		folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && git archive "$$commit" | tar -x -C "$$folder" && \
		go -C "$$folder" build -o "$(CURDIR)/$@" ./cmd/daemongate; \
	else echo "$(BEFORE) is not in this clone: no run begins with an earlier version"; fi

generate: ## what is generated from the sources, such as the CRD
	go generate ./...

build-devcluster: ## the binary of the cluster, into the user's cache
	@$(DEVCLUSTER_PATH)

build-devhost: ## the Git host, into the user's cache
	@$(DEVHOST_PATH)

PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64
KREW_URL  := https://github.com/daemongate/daemongate/releases/download/$(VERSION)

krew: ## bin/krew: the archives of the kubectl plugin, and the manifest with which krew installs it
	@rm -rf bin/krew && mkdir -p bin/krew/build
	@for p in $(PLATFORMS); do echo "building for $$p…"; \
		GOOS=$${p%/*} GOARCH=$${p#*/} CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/krew/build/kubectl-daemongate ./cmd/daemongate && \
		cp LICENSE bin/krew/build/ && \
		tar -C bin/krew/build --mtime="@$$(git log -1 --format=%ct)" --owner=0 --group=0 --numeric-owner \
			-czf bin/krew/daemongate_$${p%/*}_$${p#*/}.tar.gz kubectl-daemongate LICENSE || exit 1; done
	.ci/krew-manifest $(VERSION) $(KREW_URL) bin/krew > bin/krew/daemongate.yaml
	@rm -r bin/krew/build

# What a release is told about itself. Who builds the same commit again gets the same bytes.
EPOCH   = $${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)}
RELEASE = SOURCE_DATE_EPOCH=$(EPOCH) go -C cmd/devrelease run .
IMAGE   = bin/daemongate_$(VERSION)_image.tar

image: ## bin/daemongate_VERSION_image.tar: the container image for linux/amd64 and linux/arm64, an OCI archive
	@$(RELEASE) image -root "$(CURDIR)" -version $(VERSION) -revision "$$(git rev-parse HEAD)" -out "$(CURDIR)/$(IMAGE)"

sbom: build ## bin/daemongate.cdx.json: what bin/daemongate is made of, in CycloneDX; the image has one of its own
	@$(RELEASE) sbom -version $(VERSION) -out "$(CURDIR)/bin/daemongate.cdx.json" "$(CURDIR)/bin/daemongate"

release-snapshot: image $(GORELEASER) ## bin/release: programs, archives, bills of materials and checksums, as a release would have them
	go -C cmd/devrelease build -o "$(CURDIR)/bin/devrelease" .
	epoch=$(EPOCH) && time=$$(date -u -d "@$$epoch" +%Y-%m-%dT%H:%M:%SZ) && PATH="$(CURDIR)/bin:$$PATH" \
		VERSION=$(VERSION) SOURCE_DATE_EPOCH=$$epoch RELEASE_TIME=$$time $(GORELEASER) release --snapshot --clean
	cp "$(IMAGE)" bin/release/
	.ci/krew-manifest $(VERSION) $(KREW_URL) bin/release > bin/release/daemongate.yaml

$(GORELEASER):
	@echo "building goreleaser $(GORELEASER_VERSION), once, takes minutes…"
	@mkdir -p $(TOOLS) && folder=$$(mktemp -d $(TOOLS)/build.XXXXXX) && trap 'rm -rf "$$folder"' EXIT && \
		GOBIN="$$folder" go install github.com/goreleaser/goreleaser/v2@$(GORELEASER_VERSION) && \
		mv "$$folder/goreleaser" $@

man: ## bin/man: a manual page for each command
	@mkdir -p bin/man
	go test ./cmd/daemongate -short -count=1 -run '^TestEveryCommandHasAManualPage$$' -man "$$PWD/bin/man"

screenshots: ## docs/pictures: the page while a commit is stuck, its fix rolls out, and all is complete
	@browser=$$($(CHROMIUM_PATH)) && mkdir -p docs/pictures && export CHROMIUM="$$browser" && set -x && \
		go test ./cmd/daemongate/page -count=1 -run '^TestTheStoryInPictures$$' -pictures "$$PWD/docs/pictures"

recording: ## docs/pictures/watch.cast: the terminal while a commit is stuck, for asciinema
	@cluster=$$($(DEVCLUSTER_PATH)) && export DEVCLUSTER="$$cluster" && set -x && \
		go test ./cmd/daemongate -count=1 -run '^TestSomebodyWatchesARollout$$' -cast "$$PWD/docs/pictures/watch.cast"

clean: ## remove bin; the caches stay
	rm -rf bin

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
