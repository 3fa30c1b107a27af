package app

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gatemend/gatemend/internal/cli"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/signal/synthetic"
	"github.com/gatemend/gatemend/internal/watch"
)

// addressesFor is how long the addresses of gateways are taken to be the same: routes of a big cluster are not read
// anew for each probe.
const addressesFor = 30 * time.Second

// probes is the source that asks URLs.
func (c *cluster) probes(live watch.Live, o cli.ProbeOptions) (watch.Source, error) {
	options := synthetic.Options{Every: o.Every, Method: o.Method, Headers: http.Header{}, Insecure: o.Insecure, Now: c.now}
	for _, text := range o.URLs {
		u, err := url.Parse(text)
		if err != nil {
			return watch.Source{}, fmt.Errorf("--probe: %w", err)
		}
		options.URLs = append(options.URLs, u)
	}
	for _, text := range o.Headers {
		name, value, _ := strings.Cut(text, ":")
		options.Headers.Add(name, strings.TrimSpace(value))
	}
	options.Address = func(*url.URL) string { return o.Address }
	if o.Address == "" {
		options.Address = (&fronts{live: live, now: c.now}).address
	}
	return hears("--probe", c.now, func(ctx context.Context) (hearer, error) { return synthetic.Start(ctx, options), nil }), nil
}

// fronts finds gateways' addresses.
type fronts struct {
	live watch.Live
	now  func() time.Time

	mu     sync.Mutex
	routes *path.Map
	made   time.Time
}

// address is that of the gateway of a URL's route; empty if the cluster does not tell one.
func (f *fronts) address(u *url.URL) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := f.now(); f.routes == nil || now.Sub(f.made) > addressesFor {
		f.routes, f.made = path.New(f.live.Snapshot()), now
	}
	host := f.routes.Front(model.Request{Scheme: u.Scheme, Host: u.Hostname(), Path: cmp.Or(u.EscapedPath(), "/")})
	if host == "" {
		return ""
	}
	port := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	return net.JoinHostPort(host, cmp.Or(u.Port(), port))
}
