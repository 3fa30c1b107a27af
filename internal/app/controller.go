package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/go-logr/logr"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/gatemend/gatemend/internal/approval"
	"github.com/gatemend/gatemend/internal/cli"
	"github.com/gatemend/gatemend/internal/controller"
	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/metrics"
	"github.com/gatemend/gatemend/internal/notify"
	"github.com/gatemend/gatemend/internal/watch"
)

// controllerSince is how far back signals speak for a diagnosis, and how far back a new leader reads logs.
const controllerSince = 2 * time.Minute

// runController wires a controller, whose log goes to logs.
func runController(ctx context.Context, flags genericclioptions.RESTClientGetter, o cli.ControllerOptions, logs io.Writer) error {
	c, err := connect(flags, o.Formats, time.Now)
	if err != nil {
		return err
	}
	// What is known of the cluster stays for as long as the program runs, and little garbage is made beside it: collecting
	// that costs less than room for as much garbage again.
	debug.SetGCPercent(20)
	handler := slog.NewJSONHandler(logs, nil)
	// In a storm there is much garbage, which is collected before the container's limit is met: from nine tenths of it on.
	if _, err := memlimit.Set(); err != nil {
		slog.New(handler).Info("the container's memory limit is not heeded", "error", err)
	}
	ctrllog.SetLogger(logr.FromSlogHandler(handler)) // the library has one for all, and complains without
	options := controller.Options{
		Config: c.config, Namespace: o.Namespace, OwnNamespace: o.OwnNamespace, Mode: o.Mode, Policies: o.Policies,
		Keep: o.Keep, HealthAddress: o.HealthAddress, Log: slog.New(handler), Now: c.now, Actor: c.Actor(),
	}
	if options.Identity, err = identity(); err != nil {
		return err
	}
	var following atomic.Pointer[watch.Session]
	options.Follow = func(ctx context.Context) (*watch.Session, []watch.Source, error) {
		s, sources, err := c.session(ctx, o, options.Log)
		if err == nil {
			following.Store(s)
		}
		return s, sources, err
	}
	if o.MetricsAddr != "" {
		read := func() []metrics.Source {
			if s := following.Load(); s != nil {
				return s.Live.Read()
			}
			return nil // this controller does not lead
		}
		options.Metrics = metrics.New(metrics.Build{Version: o.Build.Version, Commit: o.Build.Commit, GoVersion: o.Build.GoVersion}, read)
		if err := serveMetrics(ctx, o.MetricsAddr, o.MetricsToken, options.Metrics); err != nil {
			return err
		}
	}
	if err := serveProfiles(ctx, o.PprofAddr); err != nil {
		return err
	}
	var approver notify.Approver // nil: notifications have no buttons
	if o.Record.Buttons != "" {
		approver = clerkOfClicks{approval.Desk{Config: c.config}, o.Record.Cluster}
	}
	kept, err := openRecords(ctx, o.Record, approver, c.now, options.Log, options.Metrics)
	if err != nil {
		return err
	}
	if err := serveButtons(ctx, o.Record.Buttons, kept.clicks); err != nil {
		return errors.Join(err, kept.close(ctx))
	}
	options.Cluster, options.Record = o.Record.Cluster, kept.lead
	return errors.Join(hinted(controller.Run(ctx, options)), kept.close(ctx))
}

// session begins to follow the cluster for a controller that leads.
func (c *cluster) session(ctx context.Context, o cli.ControllerOptions, log *slog.Logger) (*watch.Session, []watch.Source, error) {
	began := c.now()
	follow := cli.FollowOptions{Namespace: o.Namespace, Since: began, NoLogs: o.NoLogs}
	if o.Agents.Address != "" {
		follow.Later = agentsBy
	}
	live, err := c.Follow(ctx, follow)
	if err != nil {
		return nil, nil, err
	}
	s := &watch.Session{Pods: c, Live: live, Ring: mend.NewRing(watch.Remembered), Now: c.now, Since: controllerSince, NoLogs: o.NoLogs}
	if !o.NoLogs {
		unseen, err := s.ReadPast(ctx, began)
		if err != nil {
			live.Close()
			return nil, nil, err
		}
		for _, u := range unseen {
			log.Warn("logs could not be read", "of", u.What, "error", u.Why)
		}
	}
	sources, err := c.allSources(live, o)
	if err != nil {
		live.Close()
		return nil, nil, err
	}
	return s, sources, nil
}

// allSources are those of a watch, and the agents.
func (c *cluster) allSources(followed watch.Live, o cli.ControllerOptions) ([]watch.Source, error) {
	sources, err := c.Sources(followed, o.Sources)
	l, ok := followed.(*live)
	if err != nil || !ok || o.Agents.Address == "" {
		return sources, err
	}
	agents, err := c.agents(l, o.Agents)
	if err != nil {
		return nil, err
	}
	return append(sources, agents), nil
}

// identity tells this process from others, also from an earlier one in the same pod.
func identity() (string, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("find this host's name: %w", err)
	}
	suffix := make([]byte, 4)
	if _, err := rand.Read(suffix); err != nil {
		return "", fmt.Errorf("make an identity: %w", err)
	}
	return host + "_" + hex.EncodeToString(suffix), nil
}

// serveProfiles serves Go's profiles until the context ends. They tell much of what is in memory, so that only this
// machine may ask for them.
func serveProfiles(ctx context.Context, addr string) error {
	if addr == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return &cli.UsageError{Problem: fmt.Sprintf("--pprof-addr %s can be reached from other machines", addr), Hint: "listen on 127.0.0.1, and use 'kubectl port-forward'"}
	}
	listener, err := listen(ctx, addr)
	if err != nil {
		return fmt.Errorf("serve profiles: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	serve(ctx, listener, &http.Server{Handler: mux, ReadTimeout: 10 * time.Second})
	return nil
}
