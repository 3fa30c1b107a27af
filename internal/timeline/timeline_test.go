package timeline_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/timeline"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// at makes a complete snapshot of the objects of a YAML stream.
func at(t *testing.T, text string) *snapshot.Snapshot {
	t.Helper()
	b := snapshot.NewBuilder()
	for _, k := range snapshot.Kinds() {
		b.Cover(k, snapshot.Complete, "", "")
	}
	for _, doc := range strings.Split(text, "\n---\n") {
		data, err := yaml.YAMLToJSON([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		o, err := snapshot.Decode(data)
		if err != nil {
			t.Fatalf("%v in %s", err, doc)
		}
		if err := b.Add(o); err != nil {
			t.Fatal(err)
		}
	}
	return b.Seal(noon)
}

func pod(name, ip, created, more string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Pod
metadata: {name: %s, namespace: shop, creationTimestamp: "2026-05-01T%sZ"%s}
spec: {nodeName: n1, containers: [{name: c}]}
status: {podIP: %s, conditions: [{type: Ready, status: "True", lastTransitionTime: "2026-05-01T%sZ"}]}`, name, created, more, ip, created)
}

func event(n int, kind, name, reason, message, at string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Event
metadata: {name: e%d, namespace: shop}
involvedObject: {kind: %s, namespace: shop, name: %s}
reason: %s
message: '%s'
lastTimestamp: "2026-05-01T%sZ"
source: {component: kubelet, host: n1}`, n, kind, name, reason, message, at)
}

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop, uid: d}
spec: {template: {spec: {containers: [{name: c}]}}}`

func TestPods(t *testing.T) {
	s := at(t, strings.Join([]string{
		deployment,
		pod("cart-1-bbbbb", "10.0.0.7", "11:50:00", ""),
		pod("cart-1-ccccc", "10.0.0.8", "11:50:00", `, deletionTimestamp: "2026-05-01T11:59:30Z", deletionGracePeriodSeconds: 30`),
		event(1, "Pod", "cart-1-aaaaa", "Scheduled", "Successfully assigned shop/cart-1-aaaaa to n2", "11:00:00"),
		event(2, "Pod", "cart-1-aaaaa", "Unhealthy", `Readiness probe failed: Get "http://10.0.0.7:8080/ready": EOF`, "11:01:00"),
		event(3, "Pod", "cart-1-aaaaa", "Killing", "Stopping container c", "11:40:00"),
		event(4, "Pod", "cart-1-bbbbb", "Killing", "Container c failed liveness probe, will be restarted", "11:55:00"),
	}, "\n---\n"))
	pods := timeline.PodsOf(s, "shop")
	for _, c := range []struct{ address, at, want string }{
		{"10.0.0.7", "11:30:00", "cart-1-aaaaa told 11:40:00 gone on n2"},
		{"10.0.0.7", "11:51:00", "cart-1-bbbbb died 11:55:00 on n1"},
		{"10.0.0.8", "11:51:00", "cart-1-ccccc told 11:59:00 on n1"},
		{"10.0.0.8", "11:49:00", "nobody"},
		{"10.0.0.9", "11:51:00", "nobody"},
	} {
		when, err := time.Parse(time.DateTime, "2026-05-01 "+c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := say(pods.At(c.address, when)); got != c.want {
			t.Errorf("%s at %s: got %q, want %q", c.address, c.at, got, c.want)
		}
	}
	if n := len(pods.Of(model.Ref{Kind: "Deployment", Namespace: "shop", Name: "cart"})); n != 1 {
		t.Errorf("%d pods are known to be of the Deployment, want 1: only the gone one, by its name", n)
	}
}

func say(l timeline.Life, ok bool) string {
	if !ok {
		return "nobody"
	}
	text := l.Pod.Name
	if !l.Told.IsZero() {
		text += " told " + l.Told.UTC().Format(time.TimeOnly)
	}
	for _, d := range l.Deaths {
		text += " died " + d.UTC().Format(time.TimeOnly)
	}
	if l.Gone {
		text += " gone"
	}
	return text + " on " + l.Node
}

func TestNodes(t *testing.T) {
	node := func(name, ready, more string) string {
		return fmt.Sprintf(`apiVersion: v1
kind: Node
metadata: {name: %s, creationTimestamp: "2026-05-01T08:00:00Z"}
spec: {%s}
status: {conditions: [{type: Ready, status: "%s", lastHeartbeatTime: "2026-05-01T11:50:00Z", lastTransitionTime: "2026-05-01T11:50:45Z"}]}`, name, more, ready)
	}
	s := at(t, strings.Join([]string{
		node("good", "True", ""), node("silent", "Unknown", ""), node("cordoned", "True", "unschedulable: true"),
		node("scaled", "True", `taints: [{key: ToBeDeletedByClusterAutoscaler, effect: NoSchedule, timeAdded: "2026-05-01T11:58:00Z"}]`),
		strings.Replace(pod("x", "10.0.0.1", "11:00:00", ""), "n1", "gone", 1),
		event(1, "Node", "good", "NodeNotReady", "Node good status is now: NodeNotReady", "11:40:00"),
		event(2, "Node", "gone", "RemovingNode", "Removing Node gone from Controller", "11:57:00"),
	}, "\n---\n"))
	got := map[string]string{}
	for name, d := range timeline.Nodes(s) {
		got[name] = fmt.Sprintf("%s %s drained=%v %s", d.At.UTC().Format(time.TimeOnly), d.Field, d.Drained, d.Why)
	}
	want := map[string]string{
		"silent": "11:50:00 status.conditions[type=Ready] drained=false has not reported since 11:50:00",
		"scaled": "11:58:00 spec.taints drained=true carries the taint ToBeDeletedByClusterAutoscaler",
		"gone":   "11:57:00  drained=true does not exist any more",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("departures (-want +got):\n%s", diff)
	}
}

func TestWrites(t *testing.T) {
	s := at(t, `apiVersion: v1
kind: Service
metadata:
  name: cart
  namespace: shop
  creationTimestamp: "2026-05-01T08:00:00Z"
  managedFields:
  - {manager: helm, operation: Update, time: "2026-05-01T08:00:00Z", fieldsV1: {"f:spec": {"f:selector": {}, "f:type": {}}}}
  - {manager: kubectl-edit, operation: Update, time: "2026-05-01T11:50:00Z", fieldsV1: {"f:metadata": {"f:annotations": {".": {}, "f:kubectl.kubernetes.io/x": {}}}, "f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:targetPort": {}}}}}}
  - {manager: argocd, operation: Apply, time: "2026-05-01T11:00:00Z", fieldsV1: {"f:spec": {"f:a": {}, "f:b": {}, "f:c": {}, "f:d": {}, "f:e": {}}}}
  - {manager: lb, operation: Update, subresource: status, time: "2026-05-01T11:55:00Z", fieldsV1: {"f:status": {}}}
  - {manager: stripped, operation: Update, time: "2026-05-01T11:56:00Z"}
spec:
  selector: {app: cart}
  ports: [{port: 443, protocol: TCP}, {port: 80, protocol: TCP, targetPort: 8081}]`)
	var got []string
	for o := range s.Services().All() {
		for _, c := range timeline.Writes(o) {
			got = append(got, c.At.UTC().Format(time.TimeOnly)+" "+c.String())
		}
	}
	want := []string{
		"08:00:00 helm created it",
		"11:50:00 kubectl-edit changed spec.ports[1].targetPort: now 8081",
		"11:00:00 argocd wrote spec",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
}

func TestRevisions(t *testing.T) {
	set := func(name, revision, created, spec string) string {
		return fmt.Sprintf(`apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: %s, namespace: shop, creationTimestamp: "2026-05-01T%sZ", annotations: {deployment.kubernetes.io/revision: "%s"}, ownerReferences: [{kind: Deployment, name: cart, uid: d, controller: true}]}
spec: {template: {spec: {containers: [%s]}}}`, name, created, revision, spec)
	}
	s := at(t, strings.Join([]string{
		`apiVersion: apps/v1
kind: Deployment
metadata:
  name: cart
  namespace: shop
  uid: d
  managedFields: [{manager: kubectl-set, operation: Update, time: "2026-05-01T11:50:00Z", fieldsV1: {"f:spec": {"f:template": {}}}}]`,
		set("cart-1", "1", "08:00:00", `{name: c, image: "a:1", env: [{name: DB_PASSWORD, value: x}, {name: MODE, value: fast}, {name: OLD, value: old}],
  ports: [{name: http, containerPort: 80}, {name: metrics, containerPort: 90}], readinessProbe: {periodSeconds: 5, httpGet: {path: /a, port: http}}}`),
		set("cart-2", "2", "11:50:01", `{name: c, image: "a:2", env: [{name: DB_PASSWORD, value: z}, {name: MODE, value: slow}],
  ports: [{name: http, containerPort: 80}, {name: metrics, containerPort: 91}], readinessProbe: {periodSeconds: 5, httpGet: {path: /b, port: http, scheme: HTTPS}}}, {name: side, image: "b:1"}`),
	}, "\n---\n"))
	var got []string
	for d := range s.Deployments().All() {
		for _, c := range timeline.Revisions(s, d) {
			got = append(got, c.Field+" "+c.String())
		}
	}
	const prefix = "spec.template.spec.containers"
	want := []string{
		prefix + "[0].image revision 2 changed the image of container c (by kubectl-set): a:1 -> a:2",
		prefix + `[0].ports revision 2 changed the ports of container c (by kubectl-set): [{"containerPort":90}] -> [{"containerPort":91}]`,
		prefix + `[0].readinessProbe revision 2 changed the readiness probe of container c (by kubectl-set): {"httpGet":{"path":"/a"}} -> {"httpGet":{"path":"/b","scheme":"HTTPS"}}`,
		prefix + "[0].env[0] revision 2 changed variable DB_PASSWORD of container c (by kubectl-set): REDACTED -> REDACTED",
		prefix + "[0].env[1] revision 2 changed variable MODE of container c (by kubectl-set): fast -> slow",
		prefix + "[0].env revision 2 changed variable OLD of container c (by kubectl-set): was old",
		prefix + "[1] revision 2 changed container side, which is new (by kubectl-set): now b:1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("revisions (-want +got):\n%s", diff)
	}
}

// What changed is told, and no secret: neither by the name of a variable, a flag or a header, nor by the form of a value.
func TestSecretsStaySecret(t *testing.T) {
	const secret = "hunter2"
	container := func(password string) string {
		return `{name: c, image: "a:1", command: [/app, --db-password, ` + password + `], args: ["--api-key=` + password + `"],
  env: [{name: DB_PASSWORD, value: ` + password + `}, {name: DATABASE_URL, value: "postgres://app:` + password + `@db/shop"}, {name: STRIPE_KEY, value: ` + password + `}],
  readinessProbe: {httpGet: {path: /ready, port: 80, httpHeaders: [{name: Authorization, value: ` + password + `}]}}}`
	}
	set := func(name, revision, created, container string) string {
		return `apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: ` + name + `, namespace: shop, creationTimestamp: "2026-05-01T` + created + `Z", annotations: {deployment.kubernetes.io/revision: "` + revision + `"}, ownerReferences: [{kind: Deployment, name: cart, uid: d, controller: true}]}
spec: {template: {spec: {containers: [` + container + `]}}}`
	}
	written := func(manager, at, fields string) string {
		return `{manager: ` + manager + `, operation: Update, time: "2026-05-01T` + at + `Z", fieldsV1: ` + fields + `}`
	}
	inContainer := func(fields string) string {
		return `{"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"c\"}": ` + fields + `}}}}}`
	}
	s := at(t, strings.Join([]string{
		`apiVersion: apps/v1
kind: Deployment
metadata:
  name: cart
  namespace: shop
  uid: d
  creationTimestamp: "2026-05-01T08:00:00Z"
  annotations: {example.com/token: ` + secret + `}
  managedFields:
  - ` + written("env", "11:50:00", inContainer(`{"f:env": {"k:{\"name\":\"DB_PASSWORD\"}": {".": {}, "f:value": {}}, "k:{\"name\":\"DATABASE_URL\"}": {".": {}, "f:value": {}}}, "f:image": {}}`)) + `
  - ` + written("note", "11:51:00", `{"f:metadata": {"f:annotations": {"f:example.com/token": {}}}}`) + `
spec: {template: {spec: {containers: [` + container(secret) + `]}}}`,
		set("cart-1", "1", "08:00:00", container("before")),
		set("cart-2", "2", "11:50:01", container(secret)),
	}, "\n---\n"))
	var got []string
	for d := range s.Deployments().All() {
		for _, c := range append(timeline.Revisions(s, d), timeline.Writes(d)...) {
			got = append(got, c.String())
		}
	}
	text := strings.Join(got, "\n")
	for _, told := range []string{
		"the command of container c (by env): /app --db-password REDACTED -> /app --db-password REDACTED", "the arguments", "variable DB_PASSWORD",
		"variable DATABASE_URL of container c (by env): postgres://app:REDACTED@db/shop", "variable STRIPE_KEY", "the readiness probe",
		"env changed spec.template.spec.containers[0].env[0].value: now REDACTED", "containers[0].image: now a:1", "['example.com/token']: now REDACTED",
	} {
		if !strings.Contains(text, told) {
			t.Errorf("it is not told that %s", told)
		}
	}
	if strings.Contains(text, secret) || strings.Contains(text, "before") || t.Failed() {
		t.Errorf("told:\n%s", text)
	}
}

// FuzzWrites feeds hostile managed fields: whatever comes, it must not panic.
func FuzzWrites(f *testing.F) {
	f.Add([]byte(`{"f:spec":{"f:ports":{"k:{\"port\":80}":{"f:x":{}},"v:1":{}}}}`))
	f.Add([]byte(`{"f:spec":[1,2]}`))
	f.Add([]byte(`{"k:{":{"f:":{}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		now, d := metav1.NewTime(noon), &appsv1.Deployment{}
		d.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "x", Time: &now, FieldsV1: metav1.NewFieldsV1(string(raw))}}
		timeline.Writes(d)
	})
}
