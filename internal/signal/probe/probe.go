package probe

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/signal/inside"
)

// Prober asks a live cluster.
type Prober struct {
	pods  inside.Pods
	now   func() time.Time
	each  time.Duration // how long one check may take
	guest Guest         // nil: none
}

// Guest runs a program in a container that joins a pod for it, and gives what it printed.
type Guest func(ctx context.Context, pod model.Ref, argv []string) ([]byte, error)

// welcome is how long a guest may take, with the pull of its image.
const welcome = time.Minute

// New makes a prober. With a guest, the sockets of pods whose own containers cannot tell them are looked at by one.
func New(pods inside.Pods, now func() time.Time, guest Guest) *Prober {
	return &Prober{pods: pods, now: now, each: 5 * time.Second, guest: guest}
}

// Run makes the checks of all routes, one after the other. What may not be asked is told, and never taken for
// an answer.
func (p *Prober) Run(ctx context.Context, wanted []model.ProbeRoute) ([]model.Probe, []model.Unseen) {
	var out []model.Probe
	var unseen []model.Unseen
	take := func(pr model.Probe, err error) bool {
		if err != nil {
			unseen = append(unseen, model.Unseen{What: fmt.Sprintf("probe of %s from %s", pr.To, pr.From), Why: err.Error()})
			return false
		}
		out = append(out, pr)
		return pr.Connected()
	}
	for _, w := range wanted {
		for _, d := range w.Doors {
			if take(p.gateway(ctx, w.Request, d)) {
				break
			}
		}
		if w.Service != nil {
			take(p.proxied(ctx, "services", w.Request, *w.Service))
		}
		for _, b := range w.Pods {
			take(p.proxied(ctx, "pods", w.Request, b))
			take(p.within(ctx, b))
			take(p.sockets(ctx, b))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return out, unseen
}

// check starts a probe and its clock.
func (p *Prober) check(ctx context.Context, from model.Vantage, to model.Ref, port int32) (model.Probe, context.Context, context.CancelFunc) {
	pr := model.Probe{From: from, To: to, Port: port, At: p.now()}
	ctx, cancel := context.WithTimeoutCause(ctx, p.each, fmt.Errorf("it took longer than %s", p.each))
	return pr, ctx, cancel
}

// failed writes how a probe failed.
func failed(pr model.Probe, took time.Duration, words string) model.Probe {
	pr.Failure, pr.Reason, pr.Took = failureOf(words), strings.TrimSpace(words), took
	return pr
}
