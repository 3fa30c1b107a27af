package cli

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
)

// targetKind is a kind that can be named as KIND/NAME.
type targetKind struct {
	apiVersion, kind string
	names            []string // how people write it, plural and short forms included
	cluster          bool     // cluster-scoped
}

func targetKinds() []targetKind {
	const gw = "gateway.networking.k8s.io/v1"
	return []targetKind{
		{"networking.k8s.io/v1", "Ingress", []string{"ingress", "ingresses", "ing"}, false},
		{gw, "HTTPRoute", []string{"httproute", "httproutes"}, false},
		{gw, "GRPCRoute", []string{"grpcroute", "grpcroutes"}, false},
		{gw, "TLSRoute", []string{"tlsroute", "tlsroutes"}, false},
		{gw, "TCPRoute", []string{"tcproute", "tcproutes"}, false},
		{gw, "Gateway", []string{"gateway", "gateways", "gtw"}, false},
		{"projectcontour.io/v1", "HTTPProxy", []string{"httpproxy", "httpproxies"}, false},
		{"traefik.io/v1alpha1", "IngressRoute", []string{"ingressroute", "ingressroutes"}, false},
		{"k8s.nginx.org/v1", "VirtualServer", []string{"virtualserver", "virtualservers"}, false},
		{"k8s.nginx.org/v1", "VirtualServerRoute", []string{"virtualserverroute", "virtualserverroutes", "vsr"}, false},
		{"networking.istio.io/v1", "VirtualService", []string{"virtualservice", "virtualservices", "vs"}, false},
		{"v1", "Service", []string{"service", "services", "svc"}, false},
		{"apps/v1", "Deployment", []string{"deployment", "deployments", "deploy"}, false},
		{"argoproj.io/v1alpha1", "Rollout", []string{"rollout", "rollouts", "ro"}, false},
		{"apps/v1", "StatefulSet", []string{"statefulset", "statefulsets", "sts"}, false},
		{"apps/v1", "DaemonSet", []string{"daemonset", "daemonsets", "ds"}, false},
		{"v1", "Pod", []string{"pod", "pods", "po"}, false},
		{"v1", "Namespace", []string{"namespace", "namespaces", "ns"}, true},
	}
}

// parseTarget reads TARGET: a URL, HOST/PATH, KIND/NAME or KIND/NAMESPACE/NAME. The namespace of an
// object is left empty where the target does not say it.
func parseTarget(text string) (model.Target, error) {
	switch {
	case text == "" || text == "/":
		return model.Target{}, usagef(targetHint, "target %q is empty", text)
	case strings.Contains(text, "://"):
		return parseURL(text)
	case strings.HasPrefix(text, "/"):
		return requestTarget("", "", text)
	}
	head, rest, slash := strings.Cut(text, "/")
	for _, k := range targetKinds() {
		for _, n := range k.names {
			if strings.EqualFold(n, head) && slash {
				return objectTarget(k, text, rest)
			}
		}
	}
	if !strings.ContainsAny(head, ".:*") && head != "localhost" {
		if !slash {
			return model.Target{}, usagef(targetHint, "target %q says neither a kind nor a path", text)
		}
		return model.Target{}, usagef(didYouMeanKind(head), "target %q: unknown kind %q", text, head)
	}
	return requestTarget("", head, "/"+rest)
}

const targetHint = "write it as https://HOST/PATH, HOST/PATH, ingress/NAME, httproute/NAME, service/NAME, deployment/NAME or ns/NAME"

func didYouMeanKind(head string) string {
	var names []string
	for _, k := range targetKinds() {
		names = append(names, k.names...)
	}
	if hint := didYouMean(near(strings.ToLower(head), names)); hint != "" {
		return hint
	}
	return targetHint
}

func objectTarget(k targetKind, text, rest string) (model.Target, error) {
	namespace, name, three := strings.Cut(rest, "/")
	if !three {
		namespace, name = "", rest
	}
	if name == "" || strings.Contains(name, "/") || (three && (namespace == "" || k.cluster)) {
		return model.Target{}, usagef(targetHint, "target %q: what follows %q is not a name", text, k.names[0])
	}
	return model.Target{Object: &model.Ref{APIVersion: k.apiVersion, Kind: k.kind, Namespace: namespace, Name: name}}, nil
}

func parseURL(text string) (model.Target, error) {
	u, err := url.Parse(text)
	if err != nil {
		return model.Target{}, usagef(targetHint, "target %q: not a URL", text)
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return model.Target{}, usagef("gatemend looks at http and https", "target %q: scheme %q", text, u.Scheme)
	}
	if u.Hostname() == "" {
		return model.Target{}, usagef(targetHint, "target %q has no host", text)
	}
	return requestTarget(u.Scheme, u.Host, u.EscapedPath())
}

// requestTarget makes a request of a host, which may carry a port, and a path, whose query is not
// looked at by routing here.
func requestTarget(scheme, host, path string) (model.Target, error) {
	path, _, _ = strings.Cut(path, "?")
	path, _, _ = strings.Cut(path, "#")
	if path == "" {
		path = "/"
	}
	req := model.Request{Scheme: scheme, Path: path}
	u := url.URL{Host: host}
	req.Host = strings.ToLower(u.Hostname())
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return model.Target{}, usagef(targetHint, "host %q: %q is not a port", host, p)
		}
		req.Port = int32(n)
	}
	if req.Host == "*" {
		req.Host = ""
	}
	return model.Target{Request: &req}, nil
}
