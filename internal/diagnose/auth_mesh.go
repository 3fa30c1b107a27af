package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// askedByMesh says where the authorisation of which a gateway of Istio speaks is to be mended: an AuthorizationPolicy
// with the action CUSTOM names a provider, and the mesh's configuration the provider's Service (istio.io, External
// Authorization). A Service that has ready pods leads to them: they are asked, and fail.
func (v *view) askedByMesh(f finding, r *route) finding {
	a, ok := v.meshAuthority(r)
	if !ok {
		return f
	}
	if dead, ok := v.deadAuthority(r, a); ok {
		return dead
	}
	f = f.relates("service", a.service).because("object", fmt.Sprintf("%s has %s asked", a.at.Ref, a.service), a.at.Ref, time.Time{})
	f.Object = a.at
	for _, l := range v.m.Legs(v.askedFor(r, a)) {
		if refs := v.behind(l); len(refs) > 0 {
			f.Object = at(refs[0], "")
			f.Summary += fmt.Sprintf(": %s, behind %s", refs[0], a.service)
			if line, source := v.lastErrorOf(l); line != "" {
				f.Evidence = append(f.Evidence, model.Evidence{Kind: "app-log", Text: line, Source: source})
			}
			return f
		}
	}
	return f
}

// meshAuthority is the Service that a policy of the mesh has a route's gateways ask.
func (v *view) meshAuthority(r *route) (authority, bool) {
	gateways := v.m.Gateways(r.Route)
	for _, p := range v.all(istio, "AuthorizationPolicy") {
		if p.text("spec", "action") != "CUSTOM" {
			continue
		}
		for _, g := range gateways {
			if !applies(p, g, r.Gateway.Name) {
				continue
			}
			if a, ok := v.authProvider(p); ok {
				return a, true
			}
		}
	}
	return authority{}, false
}

// authProvider finds the Service of the provider that a policy names.
func (v *view) authProvider(p piece) (authority, bool) {
	mesh, presence := v.s.ConfigMaps().Get(rootNamespace, "istio")
	if presence != snapshot.Present {
		return authority{}, false
	}
	type extAuthz struct {
		Service string `json:"service"`
		Port    int32  `json:"port"`
	}
	var config struct {
		ExtensionProviders []struct {
			Name string    `json:"name"`
			GRPC *extAuthz `json:"envoyExtAuthzGrpc"`
			HTTP *extAuthz `json:"envoyExtAuthzHttp"`
		} `json:"extensionProviders"`
	}
	if yaml.Unmarshal([]byte(mesh.Data["mesh"]), &config) != nil {
		return authority{}, false
	}
	for _, e := range config.ExtensionProviders {
		for _, asked := range []*extAuthz{e.GRPC, e.HTTP} {
			if e.Name != p.at("spec", "provider").text("name") || asked == nil {
				continue
			}
			namespace, host, split := strings.Cut(asked.Service, "/")
			if !split {
				namespace, host = p.ref.Namespace, asked.Service
			}
			service, inside := v.home(namespace, host)
			return authority{service, asked.Port, at(p.ref, "spec.provider.name")}, inside
		}
	}
	return authority{}, false
}

// lastErrorOf is the last line of trouble in the logs of a leg's pods.
func (v *view) lastErrorOf(l path.Leg) (line, source string) {
	for _, log := range v.in.Logs {
		if !slices.ContainsFunc(l.Ends, func(e path.End) bool { return e.Pod != nil && isLogOf(log, e.Pod) }) {
			continue
		}
		if s, from := lastTrouble(log); s != "" {
			line, source = s, from
		}
	}
	return line, source
}
