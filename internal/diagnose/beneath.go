package diagnose

import (
	"regexp"
	"slices"

	"github.com/gatemend/gatemend/internal/model"
)

// rootsOf says of what a finding about the same routes is only a symptom: a proxy that gets no configuration
// does not start, or goes on asking endpoints that are gone; a Gateway without a load balancer is not programmed.
func rootsOf(symptom model.CauseID) []model.CauseID {
	configuration := []model.CauseID{"config-rejected", "controller-permission-denied", "control-plane-cert-expired", "control-plane-unreachable", "controller-stale"}
	switch symptom {
	case "proxy-not-running", "sidecar-not-ready":
		return configuration
	case "termination-race":
		return append(configuration, "sidecar-not-ready")
	case "stale-endpoints":
		return append(configuration, "circuit-breaker-open", "lb-health-check", "proxy-reload", "rate-limited")
	case "gateway-not-programmed":
		return append(configuration[1:], "lb-not-provisioned", "proxy-not-running", "refgrant-missing")
	case "gateway-listener-unattached":
		return []model.CauseID{"gateway-not-programmed", "refgrant-missing"}
	case "control-plane-unreachable", "controller-stale":
		return []model.CauseID{"control-plane-cert-expired", "controller-permission-denied"}
	case "liveness-probe-kills":
		return []model.CauseID{"startup-too-slow"}
	case "readiness-gate-unmet":
		return []model.CauseID{"lb-health-check", "cloud-firewall-blocks-lb"}
	case "lb-not-provisioned":
		return []model.CauseID{"proxy-not-running", "service-port-missing", "service-missing"}
	case "unschedulable":
		return []model.CauseID{"node-not-ready"}
	default:
		return nil
	}
}

// Where a controller or the scheduler says of what it fails, and that is the root.
var (
	ofService = regexp.MustCompile(`(?i)\bservices?[ "/]+[a-z0-9]`) // unable to find port http on service shop/cart; Service "cart" not found
	ofGrant   = regexp.MustCompile(`\(RefNotPermitted\)`)
	ofGateway = regexp.MustCompile(`\(NoReadyListeners\)`)                      // Envoy Gateway, of a route whose listeners do not serve
	ofNode    = regexp.MustCompile(`untolerated taint \{node\.kubernetes\.io/`) // which the node's own condition gave it
)

// tellingOf is what a symptom has to say for a root to be its own; nil where it need not say anything.
func tellingOf(symptom, root model.CauseID) *regexp.Regexp {
	switch {
	case symptom == "lb-not-provisioned" && root != "proxy-not-running":
		return ofService
	case symptom == "gateway-not-programmed" && root == "refgrant-missing":
		return ofGrant
	case symptom == "gateway-listener-unattached":
		return ofGateway
	case symptom == "unschedulable":
		return ofNode
	default:
		return nil
	}
}

// beneath reports whether a finding is the root of which another one is a symptom, on all of its routes.
func (f finding) beneath(symptom finding) bool {
	if f.dormant || f.Confidence < likely || !slices.Contains(rootsOf(symptom.ID), f.ID) {
		return false
	}
	if told := tellingOf(symptom.ID, f.ID); told != nil && !told.MatchString(symptom.Summary) {
		return false
	}
	return !slices.ContainsFunc(symptom.routes, func(r *route) bool { return !slices.Contains(f.routes, r) })
}
