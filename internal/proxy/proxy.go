// Package proxy says what a gateway's proxy is: which pods run it, which classes it claims, how its
// log lines read, and what it answers to each kind of failure.
//
// A proxy is a value of type [Proxy] and lives in a folder of its own; package all lists them. The
// package knows facts about proxies and nothing about any cluster.
package proxy

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/gatemend/gatemend/internal/model"
)

// Proxy is what gatemend knows of one proxy.
type Proxy struct {
	// Name is the engine's name: nginx, envoy, haproxy, traefik. It stands in output.
	Name string
	// Doc says in one sentence which controllers run it.
	Doc string
	// ClaimsController reports whether an IngressClass's spec.controller or a GatewayClass's
	// spec.controllerName belongs to this proxy.
	ClaimsController func(controller string) bool
	// GatewayContainer names the container of a pod that runs this proxy and writes its logs; ok
	// is false for all other pods.
	GatewayContainer func(p *corev1.Pod) (container string, ok bool)
	// Answer is what a client gets when a request fails in the given way, and the words with
	// which the proxy says so. controller is the class's controller, since products of one engine
	// differ (an empty Service is 503 in ingress-nginx and 502 in NGINX Inc.'s controller).
	Answer func(controller string, f model.FailureKind) model.Outcome
	// ToldAs is the kind as which the proxy's log tells a failure of kind f at a backend to which it speaks that
	// protocol, as [Protocol] has it, where it gives no more than that reason. nil if it always tells what failed.
	ToldAs func(f model.FailureKind, protocol, reason string) model.FailureKind
	// OneTimeout is set where the proxy's log does not tell a backend that does not accept in time from one that does
	// not answer in time.
	OneTimeout bool
	// Outside is set where it does not run in the cluster: a cloud's load balancer.
	Outside bool
	// Default lists what holds for a route or backend where nothing is written. nil if nothing is known.
	Default func(controller string) Settings
	// IngressSettings reads what an Ingress tells the controller, ServiceSettings what a Service tells
	// it about one of its ports. nil if it reads nothing there.
	IngressSettings func(controller string, ing *networkingv1.Ingress) Settings
	ServiceSettings func(controller string, svc *corev1.Service, port *corev1.ServicePort) Settings
	// Patterns says how the controller compares the paths of all its Ingress rules for one host, those of
	// the oldest Ingress first. nil for one that keeps to the letter of the API; see [PlainPattern].
	Patterns func(controller string, rules []PathRule) []Pattern
	// Matching says how it chooses among hosts. nil for one that does none of what [Matching] tells of.
	Matching func(controller string) Matching
	// Metrics says how it counts requests. nil if it does not, or not by status.
	Metrics func() Metrics
	// LogFormat is the form of access lines that the data of the controller's own ConfigMap sets, as people write it after the
	// proxy's name and a colon; empty if it sets none. nil for one whose ConfigMap says nothing of it.
	LogFormat func(config map[string]string) string
	// NewParser returns a parser of this proxy's logs, access and error lines mixed.
	NewParser func() Parser
}

// Class says what a log line is.
type Class uint8

// The classes of log lines.
const (
	Foreign   Class = iota // not in a form that this parser knows
	Access                 // one request
	ErrorLine              // the reason of one request's failure; Signal.ErrorLog is set
	Event                  // known, but not about one request: a start, a reload, a health check
)

// Parser reads the lines of one log, in order. It may keep state between lines (a time that only
// some lines carry). It is used by one goroutine.
type Parser interface {
	// Parse reads one line without its newline into s, which it resets first. It never fails: what
	// it cannot read is Foreign. s must not keep parts of line.
	Parse(line []byte, s *model.Signal) Class
}
