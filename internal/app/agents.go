package app

import (
	"context"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/gatemend/gatemend/internal/cli"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/signal/admit"
	"github.com/gatemend/gatemend/internal/signal/relay"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/watch"
)

// agentsBy is how long gateways' logs are not opened through the API where agents may come to speak of them.
const agentsBy = 5 * time.Second

// agents makes a source of the agents on nodes. What they read is not read through the API.
func (c *cluster) agents(l *live, o cli.AgentsOptions) (watch.Source, error) {
	tls, err := admit.NewMutual(materialIn(o.Certificates))
	if err != nil {
		return watch.Source{}, err
	}
	id, err := identity()
	if err != nil {
		return watch.Source{}, err
	}
	options := relay.ReceiverOptions{
		Admit: admit.Rules{TLS: tls.Server()}, ID: id, Now: c.now,
		May: func(from netip.Addr, node string) error { return mayReport(l.Snapshot(), from, node) },
		On: func(node string, pod model.Ref) bool {
			p, presence := l.Snapshot().Pods().Get(pod.Namespace, pod.Name)
			return presence == snapshot.Present && p.Spec.NodeName == node
		},
		Begun: func(model.Ref) time.Time { return time.Time{} }, Ended: func(relay.Ended) {},
	}
	if l.logs != nil {
		options.Begun = l.logs.Rest
		options.Ended = func(e relay.Ended) { l.logs.Resume(e.Pod, e.Read) }
	}
	const name = "agents"
	var serving atomic.Pointer[relay.Receiver]
	unseen := func() []model.Unseen {
		if r := serving.Load(); r != nil {
			return r.Unseen()
		}
		return nil
	}
	return watch.Source{Name: name, Unseen: unseen, Run: func(ctx context.Context, to watch.Ear) error {
		listener, err := listen(ctx, o.Address)
		if err != nil {
			return err
		}
		r := relay.Serve(ctx, listener, options)
		serving.Store(r)
		c.hearAgents(ctx, name, r, to)
		return nil
	}}, nil
}

// hearAgents hands on what agents count, until the context ends.
func (c *cluster) hearAgents(ctx context.Context, name string, r *relay.Receiver, to watch.Ear) {
	tick := time.NewTicker(noticesEvery)
	defer tick.Stop()
	for {
		select {
		case accounts, open := <-r.Accounts():
			if !open {
				return
			}
			select {
			case to.Accounts <- accounts:
			case <-ctx.Done():
			}
		case <-tick.C:
			tell(ctx, name, r.Notices(), to, c.now())
		}
	}
}

// mayReport says why who connects from an address may not speak for a node. Agents share one certificate, so that it is the
// address that tells them apart: that of a pod on the node, or of the node itself, where pods' connections leave with that.
func mayReport(s *snapshot.Snapshot, from netip.Addr, node string) error {
	for _, p := range s.PodsByIP(from.String()) {
		if p.Spec.NodeName == node {
			return nil
		}
	}
	if n, presence := s.Nodes().Get("", node); presence == snapshot.Present {
		for _, a := range n.Status.Addresses {
			if a.Address == from.String() {
				return nil
			}
		}
	}
	return fmt.Errorf("%s is no address of a pod on node %q, nor of that node", from, node)
}
