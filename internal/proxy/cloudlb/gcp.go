package cloudlb

import (
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

func gcp() proxy.Proxy {
	return outside(proxy.Proxy{
		Name: "gcp-lb",
		Doc:  "Is set up by GKE's Ingress and Gateway controllers.",
		ClaimsController: func(c string) bool {
			return one(c, "ingress.gke.io", "networking.gke.io", "ingress.gcp.kubernetes.io") || c == "gce" || c == "gce-internal"
		},
		Answer:    gcpAnswer,
		Patterns:  starPatterns,
		Matching:  func(string) proxy.Matching { return proxy.Matching{} },
		NewParser: func() proxy.Parser { return newGCPParser() },
		// A backend service waits 30 s for an answer (https://cloud.google.com/load-balancing/docs/backend-service#timeout-setting).
		Default: func(string) proxy.Settings {
			return proxy.Settings{{Knob: proxy.ReadTimeout, Time: 30 * time.Second, Default: true}}
		},
	})
}

// gcpAnswer: the reason is statusDetails of the request's log entry
// (https://cloud.google.com/load-balancing/docs/https/https-logging-monitoring#statusdetail_http_failure_messages).
// The classic load balancer of an external Ingress answers 502 to most failures, those that run Envoy
// (internal ones, and the Gateway API's) 503, and 504 to a backend that is too slow.
func gcpAnswer(controller string, f model.FailureKind) model.Outcome {
	classic := !one(controller, "internal", "gateway")
	o := model.Outcome{Status: 502, Failure: f}
	unavailable, slow := 503, 504
	if classic {
		unavailable, slow = 502, 502
	}
	switch f {
	case model.NoFailure:
		o.Status = 200
	case model.Refused, model.ConnectTimeout:
		o.Status, o.Reason = unavailable, "failed_to_connect_to_backend"
	case model.Reset, model.ClosedEarly:
		o.Reason = "backend_connection_closed_before_data_sent_to_client"
	case model.NoEndpoints:
		o.Status, o.Reason = unavailable, "failed_to_pick_backend"
	case model.NoRoute:
		o.Status, o.Reason = 404, "response_sent_by_backend" // GKE's default backend
	case model.TLS:
		o.Reason = "ssl_certificate_chain_verification_failed"
	case model.Protocol:
		o.Reason = "backend_response_corrupted"
	case model.HeaderTooBig:
		o.Reason = "backend_response_headers_too_long"
	case model.ResponseTimeout:
		o.Status, o.Reason = slow, "backend_timeout"
	case model.Overload:
		o.Status, o.Reason = 429, "denied_by_security_policy"
	case model.Denied:
		o.Status, o.Reason = 403, "denied_by_security_policy"
	case model.UpstreamStatus:
		o.Status, o.Reason = 500, "response_sent_by_backend"
	default:
		o.Failure = model.OtherFailure
	}
	return o
}

// starPatterns: what is ImplementationSpecific is the whole path, unless it ends in a star
// (https://cloud.google.com/kubernetes-engine/docs/concepts/ingress; Azure/application-gateway-kubernetes-ingress,
// docs/annotations.md).
func starPatterns(_ string, rules []proxy.PathRule) []proxy.Pattern {
	out := make([]proxy.Pattern, len(rules))
	for i, r := range rules {
		out[i] = proxy.PlainPattern(r, proxy.Leading)
		if r.Type == "Exact" || r.Type == "Prefix" {
			continue
		}
		if rest, star := strings.CutSuffix(r.Path, "*"); star {
			out[i] = proxy.Pattern{How: proxy.Leading, Text: rest, Rank: 2 * len(rest)}
		} else if r.Path != "/" {
			out[i] = glob(r, proxy.ExactFirst+len(r.Path))
		}
	}
	return out
}
