package kube

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
)

// The rate at which one client of gatemend calls the API server, unless the configuration says otherwise. A
// read of everything is some 30 calls, and an incident takes some 5 writes; with client-go's own 5 calls a second
// the one would take 6 seconds, and a thousand of the other a quarter of an hour.
const (
	defaultQPS   = 50
	defaultBurst = 100
)

// Clients are the ways to speak to one API server. All fields but Server must be set.
type Clients struct {
	Server  string // the API server's address, for messages
	Kube    kubernetes.Interface
	Dynamic dynamic.Interface
	// Mapper finds the resource of a kind. It asks the API server when it is first used.
	Mapper meta.RESTMapper
}

// Paced gives a configuration with gatemend's rate of calls, unless it has one.
func Paced(config *rest.Config) *rest.Config {
	c := rest.CopyConfig(config)
	if c.QPS == 0 && c.RateLimiter == nil {
		c.QPS, c.Burst = defaultQPS, defaultBurst
	}
	return c
}

// Connect makes the clients for a configuration. It sends nothing: whether the server answers is
// found out by the first read.
func Connect(config *rest.Config) (*Clients, error) {
	c := Paced(config)
	// Warnings about deprecated versions are written to stderr by default; they are not ours to show.
	c.WarningHandler = rest.NoWarnings{}
	httpClient, err := rest.HTTPClientFor(c)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", c.Host, err)
	}
	typed, err := kubernetes.NewForConfigAndClient(c, httpClient)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", c.Host, err)
	}
	untyped, err := dynamic.NewForConfigAndClient(c, httpClient)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", c.Host, err)
	}
	return &Clients{
		Server:  c.Host,
		Kube:    typed,
		Dynamic: untyped,
		Mapper:  restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(typed.Discovery())),
	}, nil
}
