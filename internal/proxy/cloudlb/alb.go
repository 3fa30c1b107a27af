package cloudlb

import (
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/annotation"
)

const albPrefix = "alb.ingress.kubernetes.io/"

func alb() proxy.Proxy {
	return outside(proxy.Proxy{
		Name:             "aws-alb",
		Doc:              "Is set up by the AWS Load Balancer Controller.",
		ClaimsController: func(c string) bool { return one(c, "ingress.k8s.aws", "gateway.k8s.aws") || c == "alb" },
		Answer:           albAnswer,
		Default:          albDefaults,
		IngressSettings: func(_ string, ing *networkingv1.Ingress) proxy.Settings {
			return albTable().Read(annotation.IngressRef(ing), ing.Annotations)
		},
		ServiceSettings: func(_ string, svc *corev1.Service, _ *corev1.ServicePort) proxy.Settings {
			return albTable().Read(annotation.ServiceRef(svc), svc.Annotations)
		},
		Patterns:  albPatterns,
		Matching:  func(string) proxy.Matching { return proxy.Matching{FallsThrough: true, DeepWildcard: true} },
		NewParser: func() proxy.Parser { return newALBParser() },
	})
}

// albAnswer: statuses are those of awsdocs/elb-application-load-balancers-user-guide,
// doc_source/load-balancer-troubleshooting.md; the reason is how its access log shows them
// (load-balancer-access-logs.md). Without a registered target it is 503; with unhealthy ones only, requests go to all
// of them. What no rule takes is answered 404 by the rule that the controller adds.
func albAnswer(_ string, f model.FailureKind) model.Outcome {
	o := model.Outcome{Status: 502, Failure: f, Reason: "elb_status_code 502 target_status_code -"}
	switch f {
	case model.NoFailure:
		o.Status, o.Reason = 200, ""
	case model.Refused, model.Reset, model.ClosedEarly, model.TLS, model.Protocol, model.HeaderTooBig:
	case model.ConnectTimeout, model.ResponseTimeout:
		o.Status, o.Reason = 504, "elb_status_code 504 target_status_code -"
	case model.NoEndpoints, model.Overload:
		o.Status, o.Reason = 503, "elb_status_code 503 target -"
	case model.NoRoute:
		o.Status, o.Reason = 404, "fixed-response"
	case model.Denied:
		o.Status, o.Reason = 403, "waf"
	case model.UpstreamStatus:
		o.Status, o.Reason = 500, "target_status_code 500"
	default:
		o.Failure, o.Reason = model.OtherFailure, ""
	}
	return o
}

// albTable is what the controller reads (kubernetes-sigs/aws-load-balancer-controller,
// pkg/annotations/constants.go).
var albTable = sync.OnceValue(func() annotation.Table {
	return annotation.Table{Prefixes: []string{albPrefix}, Rows: []annotation.Row{
		{Name: "backend-protocol", Knob: proxy.Protocol, Form: annotation.OneOf("HTTP", "HTTPS")},
		{Name: "target-type", Knob: proxy.TargetType, Form: annotation.Text},
		{Name: "healthcheck-path", Knob: proxy.HealthPath, Form: annotation.Text},
		{Name: "healthcheck-port", Knob: proxy.HealthPort, Form: annotation.Text},
		{Name: "healthcheck-protocol", Knob: proxy.HealthScheme, Form: annotation.Upper},
		{Name: "healthcheck-interval-seconds", Knob: proxy.HealthInterval, Form: annotation.Seconds},
		{Name: "healthcheck-timeout-seconds", Knob: proxy.HealthTimeout, Form: annotation.Seconds},
		{Name: "success-codes", Knob: proxy.HealthCodes, Form: annotation.Text},
		{Name: "certificate-arn", Knob: proxy.Certificate, Form: annotation.Text},
		{Name: "ssl-redirect", Knob: proxy.ForceTLS, Form: annotation.Text},
		{Name: "inbound-cidrs", Knob: proxy.Sources, Form: annotation.Text},
		{Name: "auth-type", Knob: proxy.AuthURL, Form: annotation.Text},
		{Name: "load-balancer-attributes", Knob: proxy.Extension, Form: annotation.Text},
	}}
})

func albDefaults(string) proxy.Settings {
	at := func(name string) model.FieldRef { return model.FieldRef{Field: annotation.Field(albPrefix + name)} }
	return proxy.Settings{
		{Knob: proxy.Protocol, Value: "HTTP", At: at("backend-protocol"), Default: true},
		{Knob: proxy.TargetType, Value: "instance", At: at("target-type"), Default: true},
		{Knob: proxy.HealthPath, Value: "/", At: at("healthcheck-path"), Default: true},
		{Knob: proxy.HealthPort, Value: "traffic-port", At: at("healthcheck-port"), Default: true},
		{Knob: proxy.HealthCodes, Value: "200", At: at("success-codes"), Default: true},
		{Knob: proxy.ConnectTimeout, Time: 10 * time.Second, Default: true},
		{Knob: proxy.ReadTimeout, Time: time.Minute, At: at("load-balancer-attributes"), Default: true},
	}
}

// albPatterns: exact paths first, then prefixes by length, then what is ImplementationSpecific in the
// order in which it is written, with * and ? (pkg/ingress/model_build_listener_rules.go).
func albPatterns(_ string, rules []proxy.PathRule) []proxy.Pattern {
	out := make([]proxy.Pattern, len(rules))
	for i, r := range rules {
		out[i] = proxy.PlainPattern(r, proxy.Glob)
		if r.Type != "Exact" && r.Type != "Prefix" {
			out[i] = glob(r, proxy.RegexLast-i)
		}
	}
	return out
}
