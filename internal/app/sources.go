package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/cli"
	"github.com/gatemend/gatemend/internal/signal/alert"
	"github.com/gatemend/gatemend/internal/signal/prom"
	"github.com/gatemend/gatemend/internal/watch"
)

// Sources makes the further sources of a watch.
func (c *cluster) Sources(followed watch.Live, o cli.SourceOptions) ([]watch.Source, error) {
	all, err := c.receivers(followed, o.Receive)
	if err != nil {
		return nil, err
	}
	l, ok := followed.(*live)
	if !ok {
		return nil, errors.New("sources belong to a cluster that is followed")
	}
	if l.logs != nil {
		all = append(all, tells("gateways' logs", c.now, l.logs.Notices))
	}
	if o.Scrape > 0 {
		s := prom.NewScraper(prom.ScrapeOptions{Every: o.Scrape, Pods: l.gateways, Get: c.page(), Now: c.now})
		all = append(all, watch.Source{
			Name: "--scrape", Unseen: s.Unseen,
			Run: func(ctx context.Context, to watch.Ear) error { return s.Run(ctx, to.Counts) },
		})
	}
	if p := o.Prometheus; p.URL != "" {
		q, err := prom.NewQuerier(prom.QueryOptions{
			URL: p.URL, Every: p.Every, TokenFile: p.TokenFile, User: p.User, PasswordFile: p.PasswordFile, CAFile: p.CAFile,
			Pods: l.gateways, Now: c.now,
		})
		if err != nil {
			return nil, fmt.Errorf("--prometheus: %w", err)
		}
		all = append(all, watch.Source{
			Name: "--prometheus", Unseen: q.Unseen,
			Run: func(ctx context.Context, to watch.Ear) error { return q.Run(ctx, to.Counts) },
		})
	}
	if o.Alerts.Address != "" {
		r, err := c.alerts(o.Alerts)
		if err != nil {
			return nil, fmt.Errorf("--alerts: %w", err)
		}
		all = append(all, watch.Source{
			Name: "--alerts",
			Run:  func(ctx context.Context, to watch.Ear) error { return r.Run(ctx, to.Notices) },
		})
	}
	if len(o.Probes.URLs) > 0 {
		s, err := c.probes(l, o.Probes)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// page is how a port of a pod is asked: directly from within the cluster, else through the API server.
func (c *cluster) page() func(ctx context.Context, p *corev1.Pod, port int32, path string) (io.ReadCloser, error) {
	if c.config.BearerTokenFile == "" || os.Getenv("KUBERNETES_SERVICE_HOST") == "" {
		return func(ctx context.Context, p *corev1.Pod, port int32, path string) (io.ReadCloser, error) {
			body, err := c.clients.Kube.CoreV1().Pods(p.Namespace).ProxyGet("http", p.Name, strconv.Itoa(int(port)), path, nil).Stream(ctx)
			if err != nil {
				return nil, errors.New(oneLine(err))
			}
			return body, nil
		}
	}
	client := &http.Client{}
	return func(ctx context.Context, p *corev1.Pod, port int32, path string) (io.ReadCloser, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(p.Status.PodIP, strconv.Itoa(int(port)))+path, nil)
		if err != nil {
			return nil, fmt.Errorf("ask for metrics: %w", err)
		}
		req.Header.Set("Accept", "text/plain;version=0.0.4")
		resp, err := client.Do(req)
		if err != nil {
			return nil, errors.New(oneLine(err))
		}
		if resp.StatusCode != http.StatusOK {
			return nil, errors.Join(errors.New("it answers "+resp.Status), resp.Body.Close())
		}
		return resp.Body, nil
	}
}

// alerts makes a receiver of what files hold.
func (c *cluster) alerts(o cli.AlertOptions) (*alert.Receiver, error) {
	rules, err := admission(cli.ReceiveOptions{TokenFile: o.TokenFile, CertFile: o.CertFile, KeyFile: o.KeyFile, ClientCAFile: o.ClientCAFile})
	if err != nil {
		return nil, err
	}
	return alert.New(alert.Options{Address: o.Address, Now: c.now, Admit: rules}) //nolint:wrapcheck // the caller says what for
}
