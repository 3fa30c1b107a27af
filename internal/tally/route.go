package tally

import (
	"cmp"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// Route is where requests went, as far as a log tells without the cluster: to a Service, or through a named
// route; where the log names neither, the host and the first segment of the path stand for it.
type Route struct {
	Namespace, Name, Service, Port string
	Host, Path                     string
}

// RouteOf returns the route of a request.
func RouteOf(s *model.Signal) Route {
	if s.Service != "" || s.RouteName != "" {
		return Route{Namespace: s.RouteNamespace, Name: s.RouteName, Service: s.Service, Port: s.ServicePort}
	}
	return Route{Host: s.Request.Host, Path: field.FirstSegment(s.Request.Path)}
}

// String names the route as people write it.
func (r Route) String() string {
	if r.Service == "" && r.Name == "" {
		return cmp.Or(r.Host+r.Path, "(unknown)")
	}
	text := cmp.Or(r.Service, r.Name)
	if r.Namespace != "" {
		text = r.Namespace + "/" + text
	}
	if r.Port != "" {
		text += ":" + r.Port
	}
	if r.Service != "" && r.Name != "" {
		text += " (" + r.Name + ")"
	}
	return text
}

// other stands for all routes beyond maxRoutes.
func other() Route { return Route{Path: "(other routes)"} }
