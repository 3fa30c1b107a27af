package cloudlb

import (
	"bytes"

	"github.com/valyala/fastjson"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

func newAzureParser() proxy.Parser { return &jsonParser{entry: azureEntry} }

// azureEntry reads an entry of the access log of an Application Gateway
// (https://learn.microsoft.com/azure/application-gateway/monitor-application-gateway-reference).
func azureEntry(p *jsonParser, v *fastjson.Value, s *model.Signal) proxy.Class {
	switch category := v.GetStringBytes("category"); {
	case string(category) == "ApplicationGatewayAccessLog":
	case bytes.HasPrefix(category, []byte("ApplicationGateway")):
		return proxy.Event // the firewall's log, or numbers
	default:
		return proxy.Foreign
	}
	properties := v.Get("properties")
	if properties == nil {
		return proxy.Foreign
	}
	var ok bool
	if s.Status, ok = status(properties.Get("httpStatus")); !ok {
		return proxy.Foreign
	}
	if s.At, ok = field.ISO(text(v, "timeStamp", "time")); !ok {
		return proxy.Foreign
	}
	if !p.azureDuration(properties.Get("timeTaken"), s) {
		return proxy.Foreign
	}
	s.Proxy = "azure-agw"
	s.Client = p.names.String(properties.GetStringBytes("clientIP"))
	s.Request.Method = p.names.String(properties.GetStringBytes("httpMethod"))
	s.Request.Host = p.names.String(field.Host(text(properties, "originalHost", "host")))
	_, path := field.Target(properties.GetStringBytes("requestUri"))
	s.Request.Path = p.names.String(path)
	switch string(properties.GetStringBytes("sslEnabled")) {
	case "on":
		s.Request.Scheme = "https"
	case "off":
		s.Request.Scheme = "http"
	}
	if name, ok := agicService(v.GetStringBytes("backendPoolName")); ok {
		p.joint(name, s)
	}
	answered := properties.GetStringBytes("serverStatus")
	if server := properties.GetStringBytes("serverRouted"); !field.Unset(server) {
		s.Tries = p.tries.Take(1)
		s.Tries[0].Address = p.names.String(server)
		s.Tries[0].Status, _ = field.Status(answered)
		s.Tries[0].Duration, _ = field.Seconds(properties.GetStringBytes("serverResponseLatency"))
	}
	info := properties.GetStringBytes("error_info")
	if s.Failure = azureFailure(info, answered, s); s.Failed() && string(info) != "ERRORINFO_NO_ERROR" {
		s.Reason = p.names.String(info)
	}
	return proxy.Access
}

// azureDuration reads timeTaken: seconds with a fraction in version 2 of the gateway, whole milliseconds in version 1.
func (p *jsonParser) azureDuration(v *fastjson.Value, s *model.Signal) bool {
	if v == nil {
		return true
	}
	digits := p.number(v)
	read := field.Millis
	if bytes.IndexByte(digits, '.') >= 0 {
		read = field.Seconds
	}
	var ok bool
	s.Duration, ok = read(digits)
	return ok
}

// azureFailure says what error_info and the backend's status mean.
func azureFailure(info, answered []byte, s *model.Signal) model.FailureKind {
	switch {
	case string(info) == "ERRORINFO_INVALID_HOST":
		return model.NoRoute
	case s.Status < 500:
		return model.NoFailure
	case !field.Unset(answered):
		return model.UpstreamStatus
	}
	switch string(info) {
	case "ERRORINFO_UPSTREAM_NO_LIVE":
		return model.NoEndpoints
	case "ERRORINFO_UPSTREAM_CLOSED_CONNECTION":
		return model.ClosedEarly
	case "ERRORINFO_UPSTREAM_TIMED_OUT":
		return model.ResponseTimeout
	}
	if s.Status == 502 && len(s.Tries) == 0 {
		return model.NoEndpoints
	}
	return model.OtherFailure
}

// agicService takes NAMESPACE-SERVICE-PORT out of the controller's name of a pool,
// pool-NAMESPACE-SERVICE-PORT-bp-TARGETPORT (Azure/application-gateway-kubernetes-ingress, pkg/appgw/naming.go).
func agicService(pool []byte) (joint []byte, ok bool) {
	rest, ok := bytes.CutPrefix(pool, []byte("pool-"))
	if !ok {
		return nil, false
	}
	end := bytes.LastIndex(rest, []byte("-bp-"))
	if end < 1 {
		return nil, false
	}
	return rest[:end], true
}

// text returns the first of the keys that holds one.
func text(v *fastjson.Value, keys ...string) []byte {
	for _, k := range keys {
		if b := v.GetStringBytes(k); len(b) > 0 {
			return b
		}
	}
	return nil
}
