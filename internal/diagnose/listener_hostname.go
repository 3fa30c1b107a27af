package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// otherHosts makes one finding about a Gateway's listener of those about routes whose hostnames it does not take, where
// it takes none of all the routes that ask for it: then it is for the wrong host, and not they.
func (v *view) otherHosts(found []finding) []finding {
	var out []finding
	merged := map[model.Ref]int{}
	for _, f := range found {
		r := f.routes[0]
		gateway := model.Ref{APIVersion: "gateway.networking.k8s.io/v1", Kind: "Gateway", Namespace: r.Gateway.Namespace, Name: r.Gateway.Name}
		i := v.onlyForOthers(gateway)
		if f.Object.Field != "spec.hostnames" || i < 0 {
			out = append(out, f)
			continue
		}
		if at, ok := merged[gateway]; ok {
			out[at] = out[at].on(f.routes...)
			continue
		}
		merged[gateway] = len(out)
		f.Object = at(gateway, fmt.Sprintf("spec.listeners[%d].hostname", i))
		out = append(out, f.because("object", fmt.Sprintf("none of the routes that ask for %s is for a host of its listeners", gateway), gateway, time.Time{}))
	}
	return out
}

// onlyForOthers is the first listener with a hostname of a Gateway for which several routes ask, all in vain because of
// their hostnames; -1 if that is not so.
func (v *view) onlyForOthers(gateway model.Ref) int {
	gw, presence := v.s.Gateways().Get(gateway.Namespace, gateway.Name)
	if presence != snapshot.Present {
		return -1
	}
	var asking []model.Ref
	for _, r := range v.m.Routes() {
		if r.Gateway.Namespace != gateway.Namespace || r.Gateway.Name != gateway.Name {
			continue
		}
		refused := slices.ContainsFunc(r.Faults, func(f path.Fault) bool {
			return f.Kind == path.ListenerUnattached && strings.HasPrefix(f.Object.Field, "spec.hostnames")
		})
		if !refused {
			return -1
		}
		if !slices.Contains(asking, r.Object) {
			asking = append(asking, r.Object)
		}
	}
	if len(asking) < 2 {
		return -1
	}
	for i := range gw.Spec.Listeners {
		if h := gw.Spec.Listeners[i].Hostname; h != nil && *h != "" {
			return i
		}
	}
	return -1
}
