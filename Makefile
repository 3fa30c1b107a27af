# gatemend. 'make' lists the targets.
# Two modules: the product here, and the lab (a real Kubernetes for the demo and the end-to-end tests)
# in lab/, whose dependencies the product must not have.

GO        ?= go
FUZZTIME  ?= 30s
BENCH     ?= .
SOAK      ?= 20m
FAULTS    ?=
SCENARIOS ?= $(wildcard ../shared/scenarios ../shared/cases)
LAB       := bin/lab
GATEMEND  := bin/gatemend
TOOL      := $(GO) tool -modfile=$(CURDIR)/go.tools.mod
LDFLAGS   := -s -w
PLATFORMS ?= amd64 arm64
# SCALE are the programs of a control plane that has kwok in place of kubelets.
SCALE     := etcd kube-apiserver kube-controller-manager kwok
IMAGE     ?= ghcr.io/gatemend/gatemend:0.1.0

# packages lists the packages below a folder whose tests contain a pattern: $(call packages,FOLDER,PATTERN).
packages = $$(grep -rlE '$(2)' --include='*_test.go' $(1) | xargs -n1 dirname | sort -u | sed 's|^|./|')

export CGO_ENABLED ?= 0

.DEFAULT_GOAL := help
# The tests share one machine, and one lab on it.
.NOTPARALLEL:

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/gatemend, one static binary
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(GATEMEND) ./cmd/gatemend

.PHONY: image
image: ## Write dist/gatemend-image.tar, the container image IMAGE for linux on PLATFORMS, without a container tool
	@mkdir -p dist
	for arch in $(PLATFORMS); do \
		CGO_ENABLED=0 GOOS=linux GOARCH=$$arch $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o dist/gatemend-linux-$$arch ./cmd/gatemend || exit 1; \
	done
	cd lab && $(GO) run ./cmd/image -ref $(IMAGE) -version $(lastword $(subst :, ,$(IMAGE))) -revision "$$(git rev-parse HEAD)" \
		-created "$$(git log -1 --format=%ct)" -o ../dist/gatemend-image.tar $(foreach arch,$(PLATFORMS),$(arch)=../dist/gatemend-linux-$(arch))

.PHONY: lab
lab: ## Build bin/lab, which runs a real Kubernetes on this machine
	cd lab && $(GO) build -trimpath -o ../$(LAB) ./cmd/lab

.PHONY: demo
demo: can-lab build lab ## Break a real cluster in many ways and mend it (Linux, root; about 10 minutes the first time)
	$(LAB) demo --gatemend $(GATEMEND) $(if $(FAULTS),--fault $(FAULTS))

.PHONY: demo-down
demo-down: lab ## Remove every trace of the demo's cluster
	$(LAB) down

.PHONY: demo-offline
demo-offline: build ## Diagnose the recorded dumps under examples/ (Go alone: no root, no cluster, no network)
	$(GO) run ./examples -gatemend $(GATEMEND)

.PHONY: can-lab
can-lab:
	@if [ "$$(uname -s)" != Linux ]; then \
		echo "The lab needs Linux: it runs kubelets and containers on this machine. This is $$(uname -s)."; \
		echo "Without Linux: make demo-offline (demo) and make test-unit (tests)."; exit 1; fi
	@if [ "$$(id -u)" != 0 ]; then \
		echo "The lab needs root: it makes network namespaces and runs containerd. You are $$(id -un)."; \
		echo "Without root: make demo-offline (demo) and make test-unit (tests)."; exit 1; fi

.PHONY: test
test: can-lab test-unit test-recipes test-integration test-e2e ## Run all tests: unit, made clusters, integration (a real API server), end to end (the lab)

.PHONY: test-unit
test-unit: ## Run the tests that need nothing but Go
	$(GO) test ./...
	cd lab && $(GO) test ./...

.PHONY: test-recipes
test-recipes: build ## Diagnose a cluster of every recipe of accuracy/synth; all answers must be right
	$(GO) run ./accuracy -gatemend $(GATEMEND) -make dist/recipes -exact -v

.PHONY: test-integration
test-integration: build lab ## Run the tests against a real kube-apiserver, etcd, PostgreSQL and Prometheus
	dir="$$($(LAB) binaries --packages --print-dir)" && KUBEBUILDER_ASSETS="$$dir" $(GO) test -tags integration $(call packages,internal,^//go:build integration)
	GATEMEND=$(CURDIR)/$(GATEMEND) PROGRAMS="$$($(LAB) binaries $(SCALE))" $(GO) test -tags integration -count=1 ./bench/scale

.PHONY: test-e2e
test-e2e: can-lab build lab ## Run the end-to-end tests on the lab (Linux, root)
	cd lab && GATEMEND=$(CURDIR)/$(GATEMEND) $(GO) test -tags lab -count=1 -p 1 -timeout 45m ./...

.PHONY: test-routing
test-routing: can-lab ## Ask real proxies where random routes lead, and compare with the model (Linux, root; part of test-e2e)
	cd lab && $(GO) test -tags lab -count=1 -timeout 30m -v ./routing -run TestModelAgreesWithProxies

.PHONY: test-races
test-races: can-lab build lab ## Let each race of the lab happen RACE_RUNS times; gatemend must tell them apart (Linux, root; half an hour)
	cd lab && RACE_RUNS=$(RACE_RUNS) GATEMEND=$(CURDIR)/$(GATEMEND) $(GO) test -tags lab -count=1 -v -timeout 60m ./race

.PHONY: race
race: ## Run the unit tests with the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race ./...
	cd lab && CGO_ENABLED=1 $(GO) test -race ./...

.PHONY: lint
lint: ## Check style, layout and formatting
	$(GO) vet -tags integration ./...
	$(TOOL) golangci-lint run --build-tags integration ./...
	cd lab && $(GO) vet -tags lab ./...
	cd lab && $(TOOL) golangci-lint run --build-tags lab ./...

.PHONY: vuln
vuln: ## Look for known vulnerabilities in what is linked
	$(TOOL) govulncheck ./...

.PHONY: generate
generate: ## Write what is generated: config/crd, deep copies of API types, docs/commands.md, docs/exit-codes.md, docs/actions.md, docs/causes/, files of the chart, config/install
	$(TOOL) controller-gen object crd paths=./api/... output:object:dir=api/v1alpha1 output:crd:dir=config/crd
	$(GO) test ./internal/rules -run 'TestDocs' -update
	cd lab && $(GO) test ./chart -update

.PHONY: words
words: ## Learn anew which words speak for which causes (internal/proxy/likeness), and say how good the answers are for cases that were kept from it
	$(GO) run ./accuracy/learn accuracy/cases/tuned accuracy/cases/fresh

.PHONY: golden
golden: ## Refresh golden files, then look at what changed with git diff
	$(GO) test $(call packages,internal,testkit\.Golden|flag.Bool..update) -update
	cd lab && $(GO) test $(call packages,gateway,flag.Bool..update) -update

.PHONY: fuzz
fuzz: ## Fuzz every fuzz target for FUZZTIME each
	@for dir in $$(grep -rl --include='*_test.go' '^func Fuzz' internal | xargs -n1 dirname | sort -u); do \
		for name in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]*' $$dir/*_test.go | cut -c6-); do \
			echo "$$dir $$name"; \
			$(GO) test ./$$dir -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZTIME) || exit 1; \
		done; \
	done

.PHONY: bench
bench: ## Run the benchmarks named BENCH ten times, for benchstat
	$(GO) test ./internal/... -run '^$$' -bench '$(BENCH)' -benchmem -count 10
	$(MAKE) bench-diagnose

.PHONY: bench-diagnose
bench-diagnose: build ## Measure diagnose on a dump of 50,000 pods against its targets
	$(GO) run ./bench/diagnose -gatemend $(GATEMEND) $(ARGS)

.PHONY: bench-detect
bench-detect: ## Measure detection in simulation: delays, false alarms, memory, speed (one core, some minutes)
	$(GO) run ./bench/detect $(ARGS)

.PHONY: bench-detect-lab
bench-detect-lab: can-lab build ## Measure, on a real cluster, how soon gatemend, Prometheus and Alertmanager notice faults (Linux, root; ten minutes)
	cd lab && GATEMEND=$(CURDIR)/$(GATEMEND) $(GO) test -tags lab -count=1 -v -timeout 30m ./detection -run TestSideBySide -measure $(ARGS)

.PHONY: bench-mttr
bench-mttr: can-lab build lab ## Measure, on a real cluster, how long each fault lasts with gatemend and without (Linux, root; hours: ARGS="--runs 1" for less)
	$(LAB) mttr --name mttr --gatemend $(GATEMEND) $(if $(FAULTS),--fault $(FAULTS)) $(ARGS)

.PHONY: campaign
campaign: ## Let a simulated shop live through 500 rounds of faults, noise and crashes of gatemend; a checker reads the audit log
	$(GO) test ./internal/mend/campaign -count=1 -v -timeout 60m -run TestCampaign -campaign.rounds 500 $(ARGS)

.PHONY: campaign-lab
campaign-lab: can-lab build lab ## The same on a real cluster, 50 rounds (Linux, root; an hour)
	cd lab && CAMPAIGN_ROUNDS=50 GATEMEND=$(CURDIR)/$(GATEMEND) $(GO) test -tags lab -count=1 -v -timeout 120m ./campaign $(ARGS)

.PHONY: campaign-controller
campaign-controller: can-lab build lab ## Kill the controller's leader during 30 incidents, and take the API server away for a minute, on a real cluster (Linux, root; half an hour)
	cd lab && CONTROLLER_INCIDENTS=30 CONTROLLER_OUTAGE=60 GATEMEND=$(CURDIR)/$(GATEMEND) $(GO) test -tags lab -count=1 -v -timeout 120m ./controller $(ARGS)

.PHONY: bench-logs
bench-logs: build ## Measure how fast logs are counted, beside grep, gawk and goaccess (500 MB of disk; what is not installed is left out)
	$(GO) run ./bench/logs -gatemend $(GATEMEND) $(ARGS)

.PHONY: bench-scale
bench-scale: build lab ## Measure the controller on 5,000 nodes and 100,000 pods (20 GB of memory, half an hour; ARGS="-divide 10" for a tenth)
	$(GO) run ./bench/scale -gatemend $(GATEMEND) -programs "$$($(LAB) binaries $(SCALE) kube-state-metrics)" $(ARGS)

.PHONY: soak
soak: build lab ## Let incidents come and go for SOAK; fails if memory, goroutines, open files or queues of the controller go on growing
	$(GO) run ./bench/scale -gatemend $(GATEMEND) -programs "$$($(LAB) binaries $(SCALE))" -divide 100 -soak $(SOAK) $(ARGS)

.PHONY: accuracy
accuracy: build ## Measure how often diagnoses are right: SCENARIOS="FOLDER..." of scenarios and cases, ARGS=-v
	$(GO) run ./accuracy -gatemend $(GATEMEND) -make dist/scenarios $(ARGS) $(SCENARIOS)

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin dist
