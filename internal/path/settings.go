package path

import (
	"slices"

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
	out = append(out, r.Settings.For(l.Backend.Service.Name)...)
	if !known || px.Default == nil {
		return out
	}
	for _, s := range px.Default(r.Controller) {
		if s.At.Field != "" && s.At.IsZero() {
			s.At.Ref = r.Object
		}
		out = append(out, s)
	}
	return out
}
