package diagnose

import (
	"fmt"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func websocketUpgradeFailed() Analyzer {
	const f5 = "nginx.org/websocket-services"
	row := spoken{
		cause: "websocket-upgrade-failed",
		says:  "the upgrade of connections on %s is refused or lost on the way", where: atRoute,
		fields: []string{f5, "projectcontour.io/websocket-routes", "nginx.ingress.kubernetes.io/configuration-snippet"},
	}
	return Analyzer{
		Cause: row.cause, Doc: "Finds routes on which a protocol upgrade does not come through.",
		Inputs: append(podKinds(), snapshot.Ingresses, snapshot.ConfigMaps), stage: byWords,
		run: func(v *view) []finding {
			var out []finding
			for _, r := range v.routes {
				f, ok := v.told(row, r)
				if !ok {
					f, ok = v.upgradeLost(row, r)
				}
				if !ok {
					continue
				}
				// F5's controller passes upgrades on only where it is told to (nginx/kubernetes-ingress, docs: websocket-services).
				if f.Object.Field == "" && r.Object.Kind == "Ingress" && strings.Contains(r.Controller, "nginx.org") {
					f.Object.Field = annotation(f5)
				}
				out = append(out, f)
			}
			return out
		},
	}
}

// upgradeLost finds applications that turn every request of a route away, as they miss the headers that ask for a
// WebSocket.
func (v *view) upgradeLost(row spoken, r *route) (finding, bool) {
	shown := r.refused(400)
	if len(shown) < few {
		return finding{}, false
	}
	line, source := v.heardInApp(row.cause, r)
	if line == "" {
		return finding{}, false
	}
	f := find(row.cause, proven, v.pointed(row, r, hearing{first: shown[0]}), fmt.Sprintf(row.says, r)).on(r).as(model.Protocol).showing(r, shown).since(shown[0].At)
	f.Evidence = append(f.Evidence, model.Evidence{Kind: "app-log", Text: line, Source: source})
	return v.relateBackend(f, r), true
}
