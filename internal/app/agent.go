package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/gatemend/gatemend/internal/cli"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/signal/admit"
	"github.com/gatemend/gatemend/internal/signal/nodecount"
	"github.com/gatemend/gatemend/internal/signal/nodefile"
	"github.com/gatemend/gatemend/internal/signal/relay"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/source/kube"
)

// runAgent wires an agent, whose log goes to logs.
func runAgent(ctx context.Context, flags genericclioptions.RESTClientGetter, o cli.AgentOptions, logs io.Writer) error {
	c, err := connect(flags, o.Formats, time.Now)
	if err != nil {
		return err
	}
	tls, err := admit.NewMutual(materialIn(o.Certificates))
	if err != nil {
		return err
	}
	instance, err := identity()
	if err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(logs, nil))
	started := c.now()
	book := nodecount.NewBook(o.Node, instance, started)

	// Logs are read until the sender has said its last word, or they would be gone from it.
	reading, stop := context.WithCancel(context.WithoutCancel(ctx))
	pods := kube.FollowNodePods(reading, c.clients.Kube, o.Namespace, o.Node)
	follower := nodefile.Follow(reading, nodefile.Options{
		Root: o.Logs, Want: c.countedBy(book, pods), Now: c.now, Since: started, Checkpoint: o.Checkpoint,
	})
	var group sync.WaitGroup
	group.Go(func() { sayLosses(reading, log, follower) })
	group.Go(func() {
		for range follower.Signals() { // there are none: all is counted; it is closed at the end
		}
	})
	defer group.Wait()
	defer stop()
	if err := serveHealth(reading, o.HealthAddress, pods.Known); err != nil {
		return err
	}
	log.Info("this agent counts", "node", o.Node, "logs", o.Logs, "controller", o.Controller)
	return relay.NewSender(relay.SenderOptions{
		Target: o.Controller, Credentials: tls.Client(o.ServerName), Report: book.Report, Now: c.now, Log: log,
	}).Run(ctx)
}

// countedBy says which files of the node are gateways' logs, and has them counted.
func (c *cluster) countedBy(book *nodecount.Book, pods *kube.NodePods) func(nodefile.Container) (nodefile.Gateway, bool) {
	return func(of nodefile.Container) (nodefile.Gateway, bool) {
		pod, ok := pods.Get(of.Namespace, of.Pod)
		if !ok {
			return nodefile.Gateway{}, false
		}
		p, name, ok := all.ForPod(pod)
		if !ok || name != of.Name {
			return nodefile.Gateway{}, false
		}
		ref := snapshot.RefOf(pod)
		return nodefile.Gateway{Pod: ref, Count: func() nodefile.Counter { return book.Open(ref, c.formats.Parser(p, ref)) }}, true
	}
}

// sayLosses logs what cannot be read, and what was lost, until the context ends.
func sayLosses(ctx context.Context, log *slog.Logger, f *nodefile.Follower) {
	tick := time.NewTicker(noticesEvery)
	defer tick.Stop()
	unseen := map[string]string{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, text := range f.Notices() {
			log.Warn(text)
		}
		now := map[string]string{}
		for _, u := range f.Unseen() {
			if now[u.What] = u.Why; unseen[u.What] != u.Why {
				log.Warn("a log cannot be read", "of", u.What, "error", u.Why)
			}
		}
		unseen = now
	}
}

// materialIn reads the files of certificates; that of the authority may have no name.
func materialIn(files cli.Certificates) func() (admit.Material, error) {
	return func() (m admit.Material, err error) {
		for _, f := range []struct {
			path string
			into *[]byte
		}{{files.CertFile, &m.Certificate}, {files.KeyFile, &m.Key}, {files.CAFile, &m.Authority}} {
			if f.path == "" {
				continue
			}
			if *f.into, err = os.ReadFile(f.path); err != nil {
				return m, err
			}
			if len(*f.into) == 0 {
				return m, fmt.Errorf("%s is empty", f.path)
			}
		}
		return m, nil
	}
}

// serveHealth serves /healthz and /readyz until the context ends.
func serveHealth(ctx context.Context, addr string, ready func() bool) error {
	if addr == "" {
		return nil
	}
	listener, err := listen(ctx, addr)
	if err != nil {
		return fmt.Errorf("serve health: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !ready() {
			http.Error(w, "the node's pods are not known yet", http.StatusServiceUnavailable)
		}
	})
	// If it fails, so does the kubelet's next probe, and the agent is started anew.
	serve(ctx, listener, &http.Server{Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second})
	return nil
}
