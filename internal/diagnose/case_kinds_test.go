package diagnose

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/gatemend/gatemend/internal/model"
)

// notAlso says for which causes no case can have them as what is wrong besides, and why.
func notAlso() map[string][]model.CauseID {
	return map[string][]model.CauseID{
		"it is a property of a route: one that works, by its requests, does not have it; one that has it fails, and then it is a cause": {
			"gateway-not-programmed", "refgrant-missing", "ingress-path-mismatch", "route-conflict",
			"route-weights-zero", "route-subset-missing", "backendref-invalid", "auth-secret-missing", "intentional-response", "proxy-loop",
			"service-missing", "service-port-missing", "wrong-backend", "endpoints-unmanaged", "selector-mismatch", "selector-overmatch",
			"named-port-missing", "target-port-mismatch", "wrong-listen-address", "publishes-not-ready", "externalname-bad",
			"networkpolicy-blocks-ingress", "networkpolicy-blocks-egress", "mesh-policy-denies", "auth-backend-failing", "mtls-mismatch", "certificate-invalid",
		},
		"only failed requests show it: without them it is a setting like any other, and no fault": {
			"no-replicas", "pod-evicted", "pod-forbidden", "readiness-probe-too-tight", "readiness-probe-missing", "tls-sni-mismatch", "upstream-header-too-big",
			"upstream-timeout", "timeout-misaligned", "upstream-connect-timeout", "connection-limit", "circuit-breaker-open", "rate-limited", "app-workers-exhausted",
			"cpu-throttled", "autoscaler-at-limit", "proxy-overloaded", "sidecar-not-ready", "rollout-recreate-gap", "node-termination-race",
			"termination-race", "keepalive-race", "traffic-shift-race", "stale-dns-upstream", "stale-endpoints", "cloud-firewall-blocks-lb",
			"dependency-unavailable", "bad-rollout", "app-error", "pods-not-ready", "no-endpoints",
		},
		"it stops every route of the gateway, so it is never beside what is wrong": {
			"proxy-not-running", "proxy-process-wedged", "control-plane-unreachable", "control-plane-cert-expired",
		},
		"words about failed requests tell it, and nothing else": {
			"upstream-protocol-violation", "proxy-protocol-mismatch", "websocket-upgrade-failed", "tls-version-mismatch", "request-body-timeout",
			"source-port-exhaustion", "conntrack-table-full", "proxy-reload", "controller-bug", "app-crash-mid-request", "client-abort",
		},
	}
}

// TestCaseKinds demands four kinds of cases of every analyzer: its cause comes first; it is nearly so, and not; it is
// wrong besides, and not the cause; too little is seen to know.
func TestCaseKinds(t *testing.T) {
	excused := map[model.CauseID]bool{}
	for _, ids := range notAlso() {
		for _, id := range ids {
			if excused[id] {
				t.Errorf("%s is excused twice", id)
			}
			excused[id] = true
		}
	}
	for _, a := range Analyzers() {
		archive, err := txtar.ParseFile(filepath.Join("testdata", string(a.Cause)+".txtar"))
		if err != nil {
			t.Fatal(err)
		}
		has := func(kind string) bool {
			return slices.ContainsFunc(casesOf(archive), func(c string) bool { return strings.HasPrefix(c, kind) })
		}
		for _, kind := range []string{"positive", "negative", "unknown"} {
			if !has(kind) {
				t.Errorf("%s has no %s case", a.Cause, kind)
			}
		}
		if has("also") == excused[a.Cause] {
			t.Errorf("%s: an also case: %v; excused from having one: %v", a.Cause, has("also"), excused[a.Cause])
		}
		delete(excused, a.Cause)
	}
	for id := range excused {
		t.Errorf("%s is excused, and is the cause of no analyzer", id)
	}
}
