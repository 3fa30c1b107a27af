package plantest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Namespace is that of the shop.
const Namespace = "shop"

// At is the time of every snapshot.
func At() time.Time { return time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC) }

// Cluster is a set of objects that a test may change before it takes a snapshot.
type Cluster struct {
	docs  map[string]map[string]any // by "Kind/name"
	order []string
}

// Shop is the cluster with the given applications, each with a Deployment of two pods, a Service and
// an Ingress for its own host.
func Shop(apps ...string) *Cluster {
	c := &Cluster{docs: map[string]map[string]any{}}
	c.Apply(base)
	for i, app := range apps {
		c.Add(app, i+1)
	}
	return c
}

// Add adds an application whose pods have addresses in 10.0.net.0/24.
func (c *Cluster) Add(app string, net int) {
	text := strings.ReplaceAll(application, "APP", app)
	for n := range 2 {
		text += strings.NewReplacer("APP", app, "ORDINAL", fmt.Sprint(n), "ADDRESS", fmt.Sprintf("10.0.%d.%d", net, n+10)).Replace(pod)
	}
	c.Apply(strings.ReplaceAll(text, "NET", fmt.Sprintf("10.0.%d", net)))
}

// Apply adds or replaces objects, given as YAML documents.
func (c *Cluster) Apply(documents string) {
	for text := range strings.SplitSeq(documents, "\n---\n") {
		if strings.TrimSpace(strings.Trim(text, "-\n")) == "" {
			continue
		}
		var doc map[string]any
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
			panic(fmt.Sprintf("plantest: %v in\n%s", err, text))
		}
		k := fmt.Sprintf("%v/%v", doc["kind"], doc["metadata"].(map[string]any)["name"])
		if c.docs[k] == nil {
			c.order = append(c.order, k)
		}
		c.docs[k] = doc
	}
}

// Delete removes an object, named "Kind/name", and gives it back.
func (c *Cluster) Delete(name string) metav1.Object {
	o := c.object(name)
	delete(c.docs, name)
	return o
}

// Edit sets the field at a path of map keys and list indexes of an object; nil removes it.
func (c *Cluster) Edit(name string, value any, path ...any) {
	var at any = c.docs[name]
	for _, step := range path[:len(path)-1] {
		at = down(at, step)
	}
	switch last := path[len(path)-1].(type) {
	case string:
		m := at.(map[string]any)
		if m[last] = value; value == nil {
			delete(m, last)
		}
	case int:
		at.([]any)[last] = value
	}
}

func down(at, step any) any {
	if i, ok := step.(int); ok {
		return at.([]any)[i]
	}
	m := at.(map[string]any)
	if m[step.(string)] == nil {
		m[step.(string)] = map[string]any{}
	}
	return m[step.(string)]
}

// Reidentify gives an object another UID, wherever it is named.
func (c *Cluster) Reidentify(from, to string) {
	for name, doc := range c.docs {
		data, err := json.Marshal(doc)
		if err != nil {
			panic(err)
		}
		var out map[string]any
		if err := json.Unmarshal(bytes.ReplaceAll(data, fmt.Appendf(nil, `"uid":%q`, from), fmt.Appendf(nil, `"uid":%q`, to)), &out); err != nil {
			panic(err)
		}
		c.docs[name] = out
	}
}

// Document is a copy of an object, nil if there is none of that name.
func (c *Cluster) Document(name string) map[string]any {
	data, err := json.Marshal(c.docs[name])
	if err != nil {
		panic(err)
	}
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil {
		panic(err)
	}
	return out
}

func (c *Cluster) object(name string) metav1.Object {
	data, err := json.Marshal(c.docs[name])
	if err != nil {
		panic(err)
	}
	o, err := snapshot.Decode(data)
	if err != nil {
		panic(fmt.Sprintf("plantest: %s: %v", name, err))
	}
	return o
}

// Snapshot takes a snapshot of which every kind is known completely.
func (c *Cluster) Snapshot() *snapshot.Snapshot {
	b := snapshot.NewBuilder()
	for _, k := range snapshot.Kinds() {
		b.Cover(k, snapshot.Complete, "", "")
	}
	for _, name := range c.order {
		if c.docs[name] == nil {
			continue
		}
		if err := b.Add(c.object(name)); err != nil {
			panic(err)
		}
	}
	return b.Seal(At())
}

// Ref names an object of the shop.
func Ref(kind, name string) model.Ref {
	api := map[string]string{
		"Deployment": "apps/v1", "ReplicaSet": "apps/v1", "Service": "v1", "Pod": "v1",
		"Ingress": "networking.k8s.io/v1", "NetworkPolicy": "networking.k8s.io/v1",
		"HTTPRoute": "gateway.networking.k8s.io/v1", "Gateway": "gateway.networking.k8s.io/v1",
		"HorizontalPodAutoscaler": "autoscaling/v2", "PodChaos": "chaos-mesh.org/v1alpha1",
		"Rollout": "argoproj.io/v1alpha1",
	}
	return model.Ref{APIVersion: api[kind], Kind: kind, Namespace: Namespace, Name: name}
}
