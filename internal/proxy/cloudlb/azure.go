package cloudlb

import (
	"sync"
	"time"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/annotation"
)

func azure() proxy.Proxy {
	return outside(proxy.Proxy{
		Name: "azure-agw",
		Doc:  "Is set up by Azure's Application Gateway Ingress Controller and Application Gateway for Containers.",
		ClaimsController: func(c string) bool {
			return one(c, "azure/application-gateway", "azure-application-gateway", "alb.networking.azure.io")
		},
		Answer:  azureAnswer,
		Default: azureDefaults,
		IngressSettings: func(_ string, ing *networkingv1.Ingress) proxy.Settings {
			return azureTable().Read(annotation.IngressRef(ing), ing.Annotations)
		},
		Patterns:  starPatterns,
		NewParser: func() proxy.Parser { return newAzureParser() },
	})
}

// azureAnswer: statuses are those of MicrosoftDocs/azure-docs,
// articles/application-gateway/http-response-codes.md, for the v2 gateway; the reason is error_info of its access log
// (monitor-application-gateway-reference). An empty or unhealthy pool is 502, not 503.
func azureAnswer(_ string, f model.FailureKind) model.Outcome {
	o := model.Outcome{Status: 502, Failure: f}
	switch f {
	case model.NoFailure:
		o.Status = 200
	case model.NoEndpoints:
		o.Reason = "ERRORINFO_UPSTREAM_NO_LIVE"
	case model.Refused, model.Reset, model.ClosedEarly:
		o.Reason = "ERRORINFO_UPSTREAM_CLOSED_CONNECTION"
	case model.ConnectTimeout, model.ResponseTimeout:
		o.Status, o.Reason = 504, "ERRORINFO_UPSTREAM_TIMED_OUT"
	case model.NoRoute:
		o.Status = 404
	case model.TLS, model.Protocol, model.HeaderTooBig:
	case model.Overload:
		o.Status = 503
	case model.Denied:
		o.Status = 403 // the web application firewall
	case model.UpstreamStatus:
		o.Status = 500
	default:
		o.Failure = model.OtherFailure
	}
	return o
}

// azureTable is what the controller reads (Azure/application-gateway-kubernetes-ingress,
// docs/annotations.md).
var azureTable = sync.OnceValue(func() annotation.Table {
	return annotation.Table{Prefixes: []string{"appgw.ingress.kubernetes.io/"}, Rows: []annotation.Row{
		{Name: "backend-protocol", Knob: proxy.Protocol, Form: annotation.OneOf("HTTP", "HTTPS")},
		{Name: "backend-hostname", Knob: proxy.UpstreamHost, Form: annotation.Text},
		{Name: "backend-path-prefix", Knob: proxy.Rewrite, Form: annotation.Text},
		{Name: "request-timeout", Knob: proxy.ReadTimeout, Form: annotation.Seconds},
		{Name: "ssl-redirect", Knob: proxy.ForceTLS, Form: annotation.Switch},
		{Name: "health-probe-path", Knob: proxy.HealthPath, Form: annotation.Text},
		{Name: "health-probe-port", Knob: proxy.HealthPort, Form: annotation.Text},
		{Name: "health-probe-status-codes", Knob: proxy.HealthCodes, Form: annotation.Text},
		{Name: "health-probe-interval", Knob: proxy.HealthInterval, Form: annotation.Seconds},
		{Name: "health-probe-timeout", Knob: proxy.HealthTimeout, Form: annotation.Seconds},
		{Name: "appgw-trusted-root-certificate", Knob: proxy.BackendCA, Form: annotation.Text},
		{Name: "appgw-ssl-certificate", Knob: proxy.Certificate, Form: annotation.Text},
	}}
})

func azureDefaults(string) proxy.Settings {
	at := func(name string) model.FieldRef {
		return model.FieldRef{Field: annotation.Field("appgw.ingress.kubernetes.io/" + name)}
	}
	return proxy.Settings{
		{Knob: proxy.Protocol, Value: "HTTP", At: at("backend-protocol"), Default: true},
		{Knob: proxy.ReadTimeout, Time: 30 * time.Second, At: at("request-timeout"), Default: true},
	}
}
