package path

import (
	"strings"

	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/all"
)

// Settings are what is in force for one backend of a route: what is said of that backend alone, then
// what its Service says, then the route, then the controller's defaults. A default's place names no
// object where it is the route's own.
func (m *Map) Settings(r Route, l Leg) proxy.Settings {
	var out proxy.Settings
	for _, layer := range m.layers(r, l) {
		for _, s := range layer {
			out = append(out, placed(s, r))
		}
	}
	return out
}

// Setting is the one of a backend's Settings that holds for a knob.
func (m *Map) Setting(r Route, l Leg, k proxy.Knob) (proxy.Setting, bool) {
	for _, layer := range m.layers(r, l) {
		if s, ok := layer.Get(k); ok {
			return placed(s, r), true
		}
	}
	return proxy.Setting{}, false
}

// Written is the setting of a knob if an object says it.
func (m *Map) Written(r Route, l Leg, k proxy.Knob) (proxy.Setting, bool) {
	s, ok := m.Setting(r, l, k)
	return s, ok && !s.Default
}

// layers are the Settings by who says them, the most specific first.
func (m *Map) layers(r Route, l Leg) [5]proxy.Settings {
	out := [5]proxy.Settings{0: l.Backend.Settings, 3: r.Settings.For(l.Backend.Service.Name), 4: m.defaults[engine{r.Proxy, r.Controller}]}
	px, known := all.Named(r.Proxy)
	if known && px.ServiceSettings != nil && l.Service != nil && l.Port != nil {
		out[1] = px.ServiceSettings(r.Controller, l.Service, l.Port)
	}
	if r.Controller == istioController || strings.HasPrefix(r.Controller, "istio.io/") {
		out[2] = m.meshSettings(l.Backend, portOf(l))
	}
	return out
}

// engine is a proxy as one controller runs it.
type engine struct{ proxy, controller string }

// defaultsOf asks each engine of some routes once what holds where nothing is written.
func defaultsOf(routes []Route) map[engine]proxy.Settings {
	out := map[engine]proxy.Settings{}
	for i := range routes {
		k := engine{routes[i].Proxy, routes[i].Controller}
		if _, asked := out[k]; asked {
			continue
		}
		out[k] = nil
		if px, known := all.Named(k.proxy); known && px.Default != nil {
			out[k] = px.Default(k.controller)
		}
	}
	return out
}

// placed gives a setting whose place names no object the route's.
func placed(s proxy.Setting, r Route) proxy.Setting {
	if s.At.Field != "" && s.At.IsZero() {
		s.At.Ref = r.Object
	}
	return s
}

func portOf(l Leg) int32 {
	if l.Port == nil {
		return l.Backend.PortNumber
	}
	return l.Port.Port
}
