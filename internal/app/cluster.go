package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/client-go/rest"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/diagnose"
	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/signal/dataplane"
	"github.com/gatemend/gatemend/internal/signal/inside"
	"github.com/gatemend/gatemend/internal/signal/probe"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/source/dump"
	"github.com/gatemend/gatemend/internal/source/kube"
)

// cluster is a live cluster as commands see it.
type cluster struct {
	config  *rest.Config
	clients *kube.Clients
	now     func() time.Time
	formats all.Formats // of its gateways' logs
}

// Actor is what carries changes out.
func (c *cluster) Actor() mend.Actor {
	return act.New(c.clients.Kube, c.clients.Dynamic, c.clients.Mapper)
}

// Snapshot reads the cluster once.
func (c *cluster) Snapshot(ctx context.Context, namespace string) (*snapshot.Snapshot, error) {
	s, err := kube.Read(ctx, c.clients, kube.Options{Namespace: namespace, Now: c.now})
	if err != nil {
		return nil, hinted(err)
	}
	return s, nil
}

// AppLogs reads the ends of application containers' logs.
func (c *cluster) AppLogs(ctx context.Context, wanted []diagnose.LogWanted) ([]model.LogExcerpt, []model.Unseen) {
	requests := make([]kube.LogRequest, 0, len(wanted))
	for _, w := range wanted {
		requests = append(requests, kube.LogRequest{Pod: w.Pod, Container: w.Container, Previous: w.Previous})
	}
	excerpts, err := kube.PodLogs(ctx, c.clients.Kube, kube.LogOptions{}, requests...)
	if err != nil {
		return excerpts, []model.Unseen{{What: "logs of application containers", Why: oneLine(err)}}
	}
	return excerpts, nil
}

// pods reaches into the cluster's pods.
func (c *cluster) pods() inside.Pods { return inside.Pods{Config: c.config, Kube: c.clients.Kube} }

// Probe makes active checks of routes. With an image for guests, containers of it join pods whose own cannot tell their
// sockets.
func (c *cluster) Probe(ctx context.Context, wanted []model.ProbeRoute, guest string) ([]model.Probe, []model.Unseen) {
	var joins probe.Guest
	if guest != "" {
		actor := act.New(c.clients.Kube, c.clients.Dynamic, c.clients.Mapper)
		joins = func(ctx context.Context, pod model.Ref, argv []string) ([]byte, error) {
			return actor.Guest(ctx, pod, guest, argv)
		}
	}
	return probe.New(c.pods(), c.now, joins).Run(ctx, wanted)
}

// Loaded asks the gateways themselves which endpoints they have.
func (c *cluster) Loaded(ctx context.Context, s *snapshot.Snapshot) ([]model.Loaded, []model.Unseen) {
	r := dataplane.Reader{Pods: c.pods()}
	return r.Read(ctx, slices.Collect(s.Pods().All()))
}

// WriteDump reads what a diagnosis reads, twice as a diagnosis does, and writes it to a folder.
func (c *cluster) WriteDump(ctx context.Context, dir, namespace string, since time.Time) ([]model.Unseen, error) {
	s, err := c.Snapshot(ctx, namespace)
	if err != nil {
		return nil, err
	}
	logs, unseen := c.gatewayLogs(ctx, s, since)
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read gateways' logs: %w", context.Cause(ctx))
	}
	var excerpts []model.LogExcerpt
	in := diagnose.Input{Snapshot: s}
	for _, l := range logs {
		signals, own := l.read()
		excerpts = append(excerpts, l.excerpt())
		in.Signals = append(in.Signals, signals...)
		in.Logs = append(in.Logs, own)
	}
	d := diagnose.Diagnose(in)
	more, notRead := c.AppLogs(ctx, diagnose.WantsLogs(d, s))
	if err := dump.Write(dir, s, dump.WriteOptions{Logs: append(excerpts, more...)}); err != nil {
		return nil, hinted(err)
	}
	unseen = append(unseen, notRead...)
	for _, k := range snapshot.Kinds() {
		coverage, why := s.Coverage(k)
		if k != snapshot.Other && (coverage == snapshot.Denied || coverage == snapshot.Failed || coverage == snapshot.Partial) {
			unseen = append(unseen, model.Unseen{What: string(k), Why: coverage.String() + ": " + why})
		}
	}
	return unseen, nil
}
