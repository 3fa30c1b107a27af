package remedy

import (
	"fmt"
	"strings"

	"github.com/gatemend/gatemend/internal/catalogue"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// canaryWeight is the annotation with which ingress-nginx gives an Ingress a share of another one's
// requests, in per cent (kubernetes.github.io/ingress-nginx, Canary).
const canaryWeight = "nginx.ingress.kubernetes.io/canary-weight"

// stopCanary takes its share from the backend that the finding is about, if that is the smaller part.
// Whether the rest serves is for the what-if to say.
func stopCanary(c Case) []model.Remedy {
	for _, r := range c.routes() {
		at, zero, of, ok := canaryIn(c, r)
		if !ok {
			continue
		}
		o, t, ok := object(c.Snapshot, r.Object)
		if !ok {
			continue
		}
		change, ok := set(t, at, zero)
		if !ok {
			continue
		}
		return []model.Remedy{finish(c, model.Remedy{
			Action: "stop-experiment", Risk: model.RiskLow, Machine: atLeastPropose(c.Finding.ID), Changes: []model.Change{patchOf(o, change)},
			Summary: fmt.Sprintf("weight %s -> 0 of the canary %s on %s", plain(change.Old), of, snapshot.RefOf(o)),
			Why:     "it fails, and the rest of the rule's requests go elsewhere",
		})}
	}
	return nil
}

// atLeastPropose is the level of a change that is safe although the cause itself cannot be mended: empty
// where the cause's own level says more.
func atLeastPropose(id model.CauseID) model.Machine {
	if cause, ok := catalogue.Lookup(id); ok && cause.Machine == model.MachineAdvise {
		return model.MachinePropose
	}
	return ""
}

// canaryIn finds the weight of the backend that a finding is about, in a route that sends it the smaller
// share of its requests: where it stands, and what means none.
func canaryIn(c Case, r path.Route) (at []string, zero any, of model.Ref, ok bool) {
	const half = 50
	if r.Settings.Yes(proxy.Canary) {
		weight, _ := r.Settings.Get(proxy.CanaryWeight)
		if weight.Size <= 0 || weight.Size >= half || len(r.Backends) == 0 || !blamed(c, r.Backends[0]) {
			return nil, nil, of, false
		}
		return []string{"metadata", "annotations", canaryWeight}, "0", r.Backends[0].Service, true
	}
	total, most := int64(0), int32(0)
	for _, b := range r.Backends {
		total, most = total+int64(b.Weight), max(most, b.Weight)
	}
	for _, b := range r.Backends {
		if b.Weight == 0 || b.Weight == most || 2*int64(b.Weight) >= total || !blamed(c, b) {
			continue
		}
		stem := b.Field
		switch {
		case gatewayRoute(r.Object.Kind), r.Object.Kind == "HTTPProxy":
		case r.Object.Kind == "VirtualService":
			stem = strings.TrimSuffix(stem, ".destination.host")
		default:
			continue // the weight stands elsewhere
		}
		at, err := tokens(stem + ".weight")
		return at, decodedNumber(int32(0)), b.Service, err == nil
	}
	return nil, nil, of, false
}

// blamed reports whether a finding is about a backend's Service or the pods behind it.
func blamed(c Case, b path.Backend) bool {
	f := c.Finding
	if b.Subset == nil && (f.Object.Same(b.Service) || f.Related["service"].Same(b.Service)) {
		return true
	}
	svc, presence := c.Snapshot.Services().Get(b.Service.Namespace, b.Service.Name)
	if presence != snapshot.Present || len(svc.Spec.Selector) == 0 {
		return false
	}
	for _, w := range []model.Ref{f.Object.Ref, f.Related["workload"]} {
		t := templateOf(c.Snapshot, w)
		if t != nil && w.Namespace == b.Service.Namespace && snapshot.Matches(svc.Spec.Selector, t.Labels) &&
			(b.Subset == nil || snapshot.Matches(b.Subset.Labels, t.Labels)) {
			return true
		}
	}
	return false
}
