package diagnose

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// refusesAll matches how nginx is told to answer an error to whatever it is asked: a return in the location of all paths,
// outside any block of its own, as of an "if" (nginx.org, ngx_http_rewrite_module).
var refusesAll = regexp.MustCompile(`(?s)\blocation\s+/\s*\{[^{}]*?\breturn\s+(5\d\d)\b`)

// maintenancePage is the ConfigMap by which the pods behind a route serve nothing but an error, and with which status.
func (v *view) maintenancePage(r *route) (cm *corev1.ConfigMap, key string, status int) {
	if r.failures == 0 || r.failures < r.requests || len(r.legs) != 1 {
		return nil, "", 0
	}
	for _, p := range r.legs[0].Selected {
		for _, vol := range p.Spec.Volumes {
			if vol.ConfigMap == nil {
				continue
			}
			cm, presence := v.s.ConfigMaps().Get(p.Namespace, vol.ConfigMap.Name)
			if presence != snapshot.Present {
				continue
			}
			if key, status := refusing(cm); status > 0 && r.answered(status) {
				return cm, key, status
			}
		}
	}
	return nil, "", 0
}

// refusing is the key under which a ConfigMap tells a web server to answer an error to every path, and which; 0 if none does.
func refusing(cm *corev1.ConfigMap) (key string, status int) {
	for _, key := range slices.Sorted(maps.Keys(cm.Data)) {
		if m := refusesAll.FindStringSubmatch(cm.Data[key]); m != nil {
			if n, err := strconv.Atoi(m[1]); err == nil {
				return key, n
			}
		}
	}
	return "", 0
}

// pageAnswer reads the maintenance page to which a route leads.
func (v *view) pageAnswer(r *route) (object model.FieldRef, status int, said string) {
	cm, key, status := v.maintenancePage(r)
	if cm == nil {
		return object, 0, ""
	}
	return at(snapshot.RefOf(cm), dataField(key)), status, fmt.Sprintf("its %s has the web server behind the route return %d to every path", key, status)
}

// retired reports whether a route has led to a maintenance page for long, nobody asks about it, and no application waits without a
// route for it to go: it was not left on, but takes the place of what is no more.
func (v *view) retired(r *route) bool {
	if !v.in.Target.IsZero() {
		return false
	}
	cm, _, _ := v.maintenancePage(r)
	if cm == nil || !v.oldHere(cm.CreationTimestamp.Time) {
		return false
	}
	for svc := range v.s.Services().In(cm.Namespace) {
		p := httpPort(svc)
		if p != nil && (strings.HasPrefix(p.Name, "http") || p.Port == 80 || p.Port == 8080) && len(v.m.To(svc.Namespace, svc.Name)) == 0 && v.serves(snapshot.RefOf(svc)) {
			return false
		}
	}
	return true
}
