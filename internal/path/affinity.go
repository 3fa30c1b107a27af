package path

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Affinity says who is kept at the endpoint that he got first.
type Affinity struct {
	Who string // "client" of a gateway, or "gateway's pod", "calling pod" where that is the client of a Service
	How string // "cookie", "client address", as its place has it
	At  model.FieldRef
}

// Affinity finds what keeps clients of a backend at one endpoint: the gateway's own, or the Service's. To a Service the
// client is who dials its address: the pod, not the user behind it (kubernetes.io, Virtual IPs: session affinity), and
// where a gateway dials the endpoints themselves it is not asked.
func (m *Map) Affinity(r Route, l Leg) (Affinity, bool) {
	if s, ok := m.Setting(r, l, proxy.Affinity); ok && s.Yes {
		return Affinity{Who: "client", How: s.Value, At: s.At}, true
	}
	if l.Service == nil || l.Service.Spec.SessionAffinity != corev1.ServiceAffinityClientIP {
		return Affinity{}, false
	}
	a := Affinity{Who: "gateway's pod", How: "client address", At: model.FieldRef{Ref: snapshot.RefOf(l.Service), Field: "spec.sessionAffinity"}}
	switch {
	case r.Direct():
		a.Who = "client"
	case len(m.diallers(r, l)) == 0:
		return Affinity{}, false
	case len(r.From) > 0:
		a.Who = "calling pod"
	}
	return a, true
}

// stuck tells who meets failing endpoints over and over, where some of them work.
func (w *walker) stuck(l Leg, before int) {
	a, ok := w.m.Affinity(w.r, l)
	if !ok {
		return
	}
	ends := w.t.Endpoints[before:]
	bad := 0
	for _, e := range ends {
		if e.Outcome.Failure != model.NoFailure {
			bad++
		}
	}
	why := fmt.Sprintf("each %s stays with the endpoint that it got first (%s: %s)", a.Who, a.At.Field, a.How)
	if bad > 0 && bad < len(ends) {
		why += fmt.Sprintf("; about %d of %d meet failures only, the others none", bad, len(ends))
	}
	w.hop(model.HopService, l.Backend.Service, model.OK, why)
}
