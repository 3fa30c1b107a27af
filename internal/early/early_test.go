package early

import (
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func world(t *testing.T, objects []string, unread ...snapshot.Kind) *path.Map {
	t.Helper()
	b := snapshot.NewBuilder()
	for _, k := range snapshot.Kinds() {
		b.Cover(k, snapshot.Complete, "", "")
	}
	for _, k := range unread {
		b.Cover(k, snapshot.Denied, "", "forbidden")
	}
	for _, o := range objects {
		data, err := yaml.YAMLToJSON([]byte(o))
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := snapshot.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Add(decoded); err != nil {
			t.Fatal(err)
		}
	}
	return path.New(b.Seal(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)))
}

const (
	class = `{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: nginx}, spec: {controller: k8s.io/ingress-nginx}}`
	route = `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: web, namespace: shop}, spec: {ingressClassName: nginx, rules: [{host: shop.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: cart, port: {number: 80}}}}]}}]}}`
	svc   = `{apiVersion: v1, kind: Service, metadata: {name: cart, namespace: shop}, spec: {selector: {app: cart}, ports: [{port: 80, targetPort: 8080}]}}`
)

func endpoints(version string, ends ...string) string {
	return `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4, metadata: {name: cart-1, namespace: shop, resourceVersion: "` + version +
		`", labels: {kubernetes.io/service-name: cart}}, ports: [{name: "", port: 8080}], endpoints: [` + strings.Join(ends, ",") + `]}`
}

func endpoint(n, ready string) string {
	return `{addresses: [10.0.0.` + n + `], conditions: {ready: ` + ready + `}, targetRef: {kind: Pod, name: cart-` + n + `, namespace: shop}}`
}

func pod(n, ready, status string) string {
	return `{apiVersion: v1, kind: Pod, metadata: {name: cart-` + n + `, namespace: shop, labels: {app: cart}}, spec: {containers: [{name: c, image: i, ports: [{containerPort: 8080}]}]}, status: {phase: Running, podIP: 10.0.0.` + n +
		`, conditions: [{type: Ready, status: "` + ready + `"}]` + status + `}}`
}

func TestCompare(t *testing.T) {
	up := func(n string) string { return pod(n, "True", "") }
	two := []string{class, route, svc, endpoints("1", endpoint("1", "true"), endpoint("2", "true")), up("1"), up("2")}
	one := []string{class, route, svc, endpoints("1", endpoint("1", "true")), up("1")}
	killed := pod("1", "False", `, containerStatuses: [{name: c, restartCount: 1, lastState: {terminated: {exitCode: 137, reason: OOMKilled}}}]`)
	for name, c := range map[string]struct {
		before, after []string
		unread        []snapshot.Kind
		want          string // parts of the text, separated by |; empty: no warning
		fails         bool
	}{
		"nothing changed":      {one, one, nil, "", false},
		"the last one is gone": {one, []string{class, route, svc, endpoints("2")}, nil, "last ready endpoint of Service shop/cart vanished", true},
		"the last one's slice is gone": {
			one, []string{class, route, svc}, nil, "last ready endpoint", true,
		},
		"the last one was killed": {
			one, []string{class, route, svc, endpoints("2", endpoint("1", "false")), killed}, nil, "last ready endpoint|container c of pod cart-1 ended (OOMKilled, status 137)", true,
		},
		"one of two was killed": {
			two, []string{class, route, svc, endpoints("2", endpoint("1", "false"), endpoint("2", "true")), killed, up("2")}, nil, "container c of pod cart-1|1 ready endpoints left", false,
		},
		"one of two is not ready any more": {
			two, []string{class, route, svc, endpoints("2", endpoint("1", "false"), endpoint("2", "true")), pod("1", "False", ""), up("2")}, nil, "pod cart-1 is no longer ready", false,
		},
		"one of two was deleted":           {two, []string{class, route, svc, endpoints("2", endpoint("2", "true")), up("2")}, nil, "", false},
		"a rollout":                        {one, []string{class, route, svc, endpoints("2", endpoint("2", "true")), up("2")}, nil, "", false},
		"one more":                         {one, two, nil, "", false},
		"the Service is gone":              {one, []string{class, route, up("1")}, nil, "Service shop/cart was deleted", true},
		"no route leads there":             {one, []string{class, svc, endpoints("2")}, nil, "", false},
		"endpoints cannot be read anymore": {one, []string{class, route, svc}, []snapshot.Kind{snapshot.EndpointSlices}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			got := Compare(world(t, c.before), world(t, c.after, c.unread...))
			if (len(got) == 1) != (c.want != "") || len(got) > 1 {
				t.Fatalf("got %+v", got)
			}
			if len(got) == 0 {
				return
			}
			for part := range strings.SplitSeq(c.want, "|") {
				if !strings.Contains(got[0].Text, part) {
					t.Errorf("got %q, want %q in it", got[0].Text, part)
				}
			}
			if fails := len(got[0].Fails) > 0; fails != c.fails {
				t.Errorf("fails: %v, want %v", fails, c.fails)
			}
		})
	}
}

func TestCompareGateways(t *testing.T) {
	deployment := func(name, replicas string) string {
		return `{apiVersion: apps/v1, kind: Deployment, metadata: {name: ` + name + `, namespace: edge}, spec: {replicas: ` + replicas +
			`, selector: {matchLabels: {app: ` + name + `}}, template: {metadata: {labels: {app: ` + name + `}}, spec: {containers: [{name: controller, image: "registry.k8s.io/ingress-nginx/controller:v1.13.2"}]}}}}`
	}
	pod := func(of, ready string) string {
		return `{apiVersion: v1, kind: Pod, metadata: {name: ` + of + `-1, namespace: edge, labels: {app: ` + of + `}, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: ` + of + `-x, uid: rs, controller: true}]}, ` +
			`spec: {containers: [{name: controller, image: "registry.k8s.io/ingress-nginx/controller:v1.13.2"}]}, status: {phase: Running, podIP: 10.0.1.1, conditions: [{type: Ready, status: "` + ready + `"}]}}`
	}
	set := func(of string) string {
		return `{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: ` + of + `-x, namespace: edge, uid: rs, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: ` + of + `, uid: d, controller: true}]}}`
	}
	shop := []string{class, route, svc, endpoints("1", endpoint("1", "true"))}
	with := func(more ...string) []string { return append(more, shop...) }
	up := with(deployment("a", "1"), set("a"), pod("a", "True"))
	for name, c := range map[string]struct {
		before, after []string
		unread        []snapshot.Kind
		want          string // part of the text; empty: no warning
	}{
		"nothing changed":             {up, up, nil, ""},
		"its pod is not ready":        {up, with(deployment("a", "1"), set("a"), pod("a", "False")), nil, "none of the gateway's 1 pods is ready"},
		"scaled to zero":              {up, with(deployment("a", "0"), set("a")), nil, "Deployment edge/a is scaled to zero"},
		"deleted":                     {up, shop, nil, "Deployment edge/a was deleted"},
		"pods cannot be read":         {up, with(deployment("a", "1"), set("a")), []snapshot.Kind{snapshot.Pods}, ""},
		"nothing of it can be read":   {up, shop, []snapshot.Kind{snapshot.Pods, snapshot.Deployments}, ""},
		"it had none before":          {with(deployment("a", "1"), set("a"), pod("a", "False")), with(deployment("a", "0"), set("a")), nil, ""},
		"another one serves":          {with(deployment("a", "1"), set("a"), pod("a", "True"), deployment("b", "1"), set("b"), pod("b", "True")), with(deployment("a", "0"), set("a"), deployment("b", "1"), set("b"), pod("b", "True")), nil, ""},
		"deleted, another one serves": {with(deployment("a", "1"), set("a"), pod("a", "True"), deployment("b", "1"), set("b"), pod("b", "True")), with(deployment("b", "1"), set("b"), pod("b", "True")), nil, ""},
		"no route needs it":           {[]string{class, deployment("a", "1"), set("a"), pod("a", "True")}, []string{class, deployment("a", "0"), set("a")}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := Compare(world(t, c.before), world(t, c.after, c.unread...))
			if (len(got) == 1) != (c.want != "") || len(got) > 1 {
				t.Fatalf("got %+v", got)
			}
			if len(got) == 1 && (!strings.Contains(got[0].Text, c.want) || len(got[0].Fails) != 1 || got[0].Object.Name != "a") {
				t.Errorf("got %+v, want %q and the route", got[0], c.want)
			}
		})
	}
}
