package path

import (
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/all"
)

// Settings are what is in force for one backend of a route: what is said of that backend alone, then
// what its Service says, then the route, then the controller's defaults. A default's place names no
// object where it is the route's own.
func (m *Map) Settings(r Route, l Leg) proxy.Settings {
	out := slices.Clone(l.Backend.Settings)
	px, known := all.Named(r.Proxy)
	if known && px.ServiceSettings != nil && l.Service != nil && l.Port != nil {
		out = append(out, px.ServiceSettings(r.Controller, l.Service, l.Port)...)
	}
	if r.Controller == istioController || strings.HasPrefix(r.Controller, "istio.io/") {
		out = append(out, m.meshSettings(l.Backend, portOf(l))...)
	}
	out = append(out, r.Settings.For(l.Backend.Service.Name)...)
	if known && px.Default != nil {
		out = append(out, px.Default(r.Controller)...)
	}
	for i := range out {
		if out[i].At.Field != "" && out[i].At.IsZero() {
			out[i].At.Ref = r.Object
		}
	}
	return out
}

func portOf(l Leg) int32 {
	if l.Port == nil {
		return l.Backend.PortNumber
	}
	return l.Port.Port
}
