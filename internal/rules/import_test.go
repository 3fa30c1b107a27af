package rules

import (
	"slices"
	"strings"
	"testing"
)

// may says which of our packages each folder of internal may import besides itself; the rings are those
// of docs/architecture.md. An arrow only points inward; within a ring only where it is named here.
func may() map[string][]string {
	facts := []string{"model", "catalogue", "snapshot", "proxy"}
	judgement := append(slices.Clone(facts), "path", "early", "detect", "timeline", "diagnose", "remedy", "owner", "plan", "guardrail", "verify", "tally", "printer")
	return map[string][]string{
		// ring 0: nouns
		"model": nil,
		// ring 1: facts
		"catalogue": {"model"},
		"snapshot":  {"model"},
		"proxy":     {"model"},
		// ring 2: judgement, pure
		"path":     facts,
		"detect":   facts,
		"early":    append(slices.Clone(facts), "path"),
		"timeline": {"model", "snapshot"},
		"diagnose": append(slices.Clone(facts), "path", "detect", "timeline"),
		"remedy":   append(slices.Clone(facts), "path"),
		"owner":    {"model", "snapshot"},
		"plan":     append(slices.Clone(facts), "remedy", "owner", "path", "verify"),
		// guardrail decides on plans, and knows what was done by the events of package plan
		"guardrail": append(slices.Clone(facts), "remedy", "plan"),
		"verify":    append(slices.Clone(facts), "detect"), // a change has helped when its alarm would end
		"tally":     append(slices.Clone(facts), "detect"),
		"printer":   facts,
		"rates":     {"model"},
		"install":   nil, // reads the manifests that are embedded in package config
		// ring 3: hands and senses
		"source":  facts,
		"signal":  facts,
		"act":     append(slices.Clone(facts), "owner"), // of owner, who gets fields back
		"metrics": {"model"},
		"clone":   {"model", "owner"},
		"store":   {"model"},
		"notify":  {"model"},
		"trace":   {"model", "plan"}, // of plan, the kinds of events
		// writes approvals, in the name of the person who gives them
		"approval": nil,
		// ring 4: faces, and the engine that they share
		"mend":  append(slices.Clone(judgement), "act"), // act's receipts and errors, which its Actor interface speaks of
		"watch": append(slices.Clone(judgement), "mend", "rates", "metrics"),
		"tui":   {"model", "rates", "printer"},
		// the controller's own objects are its own to write; everything else it has done through mend
		"controller": append(slices.Clone(judgement), "mend", "watch", "metrics", "act"),                                               // of act what mend has of it
		"cli":        append(slices.Clone(judgement), "install", "mend", "watch", "controller", "approval", "rates", "tui", "metrics"), // of controller, its modes
		// ring 5: wiring
		"app": append(slices.Clone(judgement), "source", "signal", "act", "mend", "watch", "controller", "metrics", "clone", "store", "notify", "trace", "approval", "cli"),
	}
}

func TestImports(t *testing.T) {
	rules := may()
	seen := map[string]bool{}
	for _, s := range tree(t) {
		rest, inside := strings.CutPrefix(s.path, "internal/")
		if !inside {
			continue
		}
		from, _, _ := strings.Cut(rest, "/")
		seen[from] = true
		allowed, known := rules[from]
		if !known && from != "rules" && from != "testkit" {
			t.Errorf("%s: folder internal/%s stands in no ring: add it to may and to docs/architecture.md", s.path, from)
			continue
		}
		for _, name := range s.imports(t) {
			to, isOurs := strings.CutPrefix(name, ours+"internal/")
			if !isOurs {
				continue
			}
			if strings.HasSuffix(to, "/plantest") && !s.test() {
				t.Errorf("%s: only tests may import %s", s.path, to)
			}
			to, _, _ = strings.Cut(to, "/")
			switch {
			case to == from || from == "rules" || from == "testkit":
			case to == "testkit":
				if !s.test() {
					t.Errorf("%s: only tests may import testkit", s.path)
				}
			case s.test():
				// A test may set its package up with what it likes, but only cli's scripts run the whole program.
				if (to == "app" || to == "cli") && from != "cli" && !slices.Contains(allowed, to) {
					t.Errorf("%s: nobody imports %s, tests neither", s.path, to)
				}
			case !slices.Contains(allowed, to):
				t.Errorf("%s: %s must not import %s", s.path, from, to)
			}
		}
	}
	for folder := range rules {
		if !seen[folder] {
			t.Errorf("internal/%s does not exist any more: take it out of may", folder)
		}
	}
}

// rooms says in which folders an outside library may be used, outside of tests. The pure rings build
// without any Kubernetes client, which keeps their tests at milliseconds.
func rooms() map[string][]string {
	return map[string][]string{
		"k8s.io/client-go":               {"bench", "internal/approval", "internal/controller", "internal/source", "internal/signal/podlog", "internal/signal/inside", "internal/signal/probe", "internal/signal/dataplane", "internal/act", "internal/app"},
		"k8s.io/cli-runtime":             {"internal/cli", "internal/app"},
		"sigs.k8s.io/controller-runtime": {"bench", "internal/source/kube", "internal/act", "internal/controller", "internal/app"},
		"github.com/go-git/go-git/v5":    {"internal/clone"},
		"github.com/spf13/cobra":         {"internal/cli"},
		"database/sql":                   {"internal/store/sqlstore", "internal/store/sqlite"},
		"github.com/jackc/pgx/v5":        {"internal/store/postgres"},
		"github.com/wneessen/go-mail":    {"internal/notify/email"},
		"modernc.org/sqlite":             {"internal/store/sqlite"},
		"go.opentelemetry.io/otel":       {"internal/trace", "internal/app"},
		"net/http":                       {"bench", "internal/controller", "internal/source/kube", "internal/signal/admit", "internal/signal/otlp", "internal/signal/inside", "internal/signal/probe", "internal/signal/synthetic", "internal/signal/dataplane", "internal/signal/prom", "internal/signal/alert", "internal/metrics", "internal/act", "internal/notify", "internal/app"},
		"os":                             {"cmd", "examples", "accuracy", "bench", "internal/app", "internal/source/dump", "internal/signal/nodefile", "internal/signal/wholefile", "internal/mend", "internal/store/sqlite", "internal/notify"}, // mend keeps its journal in a file
		"os/exec":                        {"examples", "accuracy", "bench"},
		"log/slog":                       {"internal/controller", "internal/app", "internal/source", "internal/signal", "internal/act"},
		"log":                            {},
	}
}

func TestLibrariesHaveRooms(t *testing.T) {
	for _, s := range tree(t) {
		if s.test() || strings.HasPrefix(s.path, "internal/testkit/") {
			continue
		}
		for _, name := range s.imports(t) {
			for lib, folders := range rooms() {
				// The standard library's names are whole; a module's have packages below them.
				below := strings.Contains(lib, ".") && strings.HasPrefix(name, lib+"/")
				if (name != lib && !below) || slices.ContainsFunc(folders, func(f string) bool {
					return s.dir == f || strings.HasPrefix(s.dir, f+"/")
				}) {
					continue
				}
				t.Errorf("%s: %s is not used here; its rooms are %s", s.path, name, strings.Join(folders, ", "))
			}
		}
	}
}
