package main

import (
	"bufio"
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"strings"
)

// objects are the objects of one application as a cluster has them, with {{names}} for what differs
// from one to the next.
//
//go:embed cluster/*.json
var objects embed.FS

// size says how large the cluster is: services applications, each with a Deployment, two ReplicaSets, a
// Service, an EndpointSlice, an Ingress, and pods pods.
type size struct{ services, pods int }

// form says how a dump is written.
type form struct {
	name    string
	indent  bool // as kubectl prints it
	managed bool // with managedFields
	broken  bool // every tenth Service sends requests to a port on which nothing listens
}

// cluster writes a dump as one JSON List.
type cluster struct {
	size
	form
	out  *bufio.Writer     // keeps its first error until it is flushed
	text map[string]string // of each kind of object
	n    int               // objects written
}

// write writes the whole dump.
func write(w io.Writer, s size, f form) error {
	c := &cluster{size: s, form: f, out: bufio.NewWriterSize(w, 1<<20), text: map[string]string{}}
	for _, kind := range []string{"deployment", "endpoint", "endpointslice", "ingress", "pod", "replicaset", "replicaset-old", "service"} {
		text, err := f.text(kind)
		if err != nil {
			return err
		}
		c.text[kind] = text
	}
	_, _ = c.out.WriteString(`{"apiVersion":"v1","items":[`)
	c.fixed()
	// kubectl get TYPES -A prints one type after another, each by namespace and name.
	for _, kinds := range [][]string{{"pod"}, {"replicaset", "replicaset-old"}, {"deployment"}, {"service"}, {"endpointslice"}, {"ingress"}} {
		for i := range s.services {
			for _, kind := range kinds {
				c.app(kind, i)
			}
		}
	}
	_, _ = c.out.WriteString("\n],\"kind\":\"List\",\"metadata\":{\"resourceVersion\":\"\"}}\n")
	return c.out.Flush()
}

// text reads the text of a kind of object and brings it into the dump's form.
func (f form) text(kind string) (string, error) {
	data, err := objects.ReadFile("cluster/" + kind + ".json")
	if err != nil {
		return "", err
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		return "", fmt.Errorf("%s: %w", kind, err)
	}
	if meta, ok := fields["metadata"].(map[string]any); ok && !f.managed {
		delete(meta, "managedFields")
	}
	if f.indent {
		data, err = json.MarshalIndent(fields, "        ", "    ")
	} else {
		data, err = json.Marshal(fields)
	}
	// Numbers and lists stand in quotes in the files, so that these are JSON.
	text := strings.ReplaceAll(string(data), `"{{pods}}"`, "{{pods}}")
	return strings.ReplaceAll(text, `"{{endpoints}}"`, "{{endpoints}}"), err
}

func (c *cluster) put(text string) {
	if c.n > 0 {
		_ = c.out.WriteByte(',')
	}
	c.n++
	if c.indent {
		_, _ = c.out.WriteString("\n        ")
	} else {
		_ = c.out.WriteByte('\n')
	}
	_, _ = c.out.WriteString(text)
}

// fixed writes what there is once: nodes, namespaces, the class, the gateway.
func (c *cluster) fixed() {
	for i := range nodes {
		c.put(fmt.Sprintf(`{"apiVersion":"v1","kind":"Node","metadata":{"name":%q,"creationTimestamp":"2026-01-01T00:00:00Z"},"status":{"conditions":[{"type":"Ready","status":"True"}]}}`, node(i)))
	}
	names := []string{"ingress-nginx"}
	for i := range namespaces {
		names = append(names, namespace(i))
	}
	for _, n := range names {
		c.put(fmt.Sprintf(`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":%q,"labels":{"kubernetes.io/metadata.name":%q}}}`, n, n))
	}
	c.put(`{"apiVersion":"networking.k8s.io/v1","kind":"IngressClass","metadata":{"name":"nginx"},"spec":{"controller":"k8s.io/ingress-nginx"}}`)
	c.put(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"ingress-nginx-controller-1","namespace":"ingress-nginx","labels":{"app.kubernetes.io/name":"ingress-nginx","app.kubernetes.io/component":"controller"}},` +
		`"spec":{"nodeName":"` + node(0) + `","containers":[{"name":"controller","image":"registry.k8s.io/ingress-nginx/controller:v1.13.0","args":["/nginx-ingress-controller"]}]},"status":{"phase":"Running","podIP":"10.1.0.1","conditions":[{"type":"Ready","status":"True"}]}}`)
	c.put(`{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"ingress","namespace":"` + namespace(0) + `"},"spec":{"podSelector":{},"policyTypes":["Ingress"],"ingress":[{"from":[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"ingress-nginx"}}}]}]}}`)
}

const (
	nodes      = 500
	namespaces = 200
)

func node(i int) string {
	return fmt.Sprintf("ip-10-0-%d-%d.eu-central-1.compute.internal", i/250, i%250)
}
func namespace(i int) string { return fmt.Sprintf("team-%03d", i) }

// app writes the objects of one kind of an application. Whatever is random in a cluster is made of the
// names, so that each run writes the same.
func (c *cluster) app(kind string, i int) {
	name := fmt.Sprintf("app-%04d", i) // which is in the order of namespaces, too
	count := 1
	if kind == "pod" {
		count = c.pods
	}
	for j := range count {
		text := c.text[kind]
		if c.broken && i%10 == 0 {
			text = misdirected.Replace(text)
		}
		c.put(fill(text, c.values(kind, name, i, j), c.endpoints(kind, name, i)))
	}
}

// misdirected changes the ports of a Service and its EndpointSlice, in compact JSON.
var misdirected = strings.NewReplacer(`"targetPort":"http"`, `"targetPort":9999`, `"name":"http","port":8080`, `"name":"http","port":9999`)

// endpoints is the list of an EndpointSlice.
func (c *cluster) endpoints(kind, app string, i int) string {
	if kind != "endpointslice" {
		return ""
	}
	list := make([]string, c.pods)
	for j := range list {
		list[j] = fill(c.text["endpoint"], c.values("pod", app, i, j), "")
	}
	return strings.Join(list, ",")
}

// values fills an object's names in.
func (c *cluster) values(kind, app string, i, j int) map[string]string {
	pod := fmt.Sprintf("%s-%d", app, j)
	return map[string]string{
		"app": app, "ns": namespace(i * namespaces / c.services), "hash": random(app, 10), "rand": random(pod, 5), "n": fmt.Sprint(100000 + i*c.pods + j),
		"uid": uid(kind + pod), "rsuid": uid("rs" + app), "depuid": uid("deployment" + app + "-0"), "svcuid": uid("service" + app + "-0"),
		"node": node((i*c.pods + j) % nodes), "nodeip": fmt.Sprintf("10.0.%d.%d", (i*c.pods+j)%nodes/250, (i*c.pods+j)%250),
		"ip": fmt.Sprintf("10.%d.%d.%d", 2+(i*c.pods+j)/62500, (i*c.pods+j)/250%250, (i*c.pods+j)%250), "svcip": fmt.Sprintf("172.20.%d.%d", i/250, i%250),
		"pods": fmt.Sprint(c.pods), "minor": fmt.Sprint(i % 40), "sha": random(pod, 64), "imagesha": random(app, 64),
		"time": fmt.Sprintf("2026-05-%02dT%02d:%02d:%02dZ", 1+i%28, j%24, i%60, (i*7+j)%60),
	}
}

// fill replaces the {{names}} of a text.
func fill(text string, values map[string]string, endpoints string) string {
	var out strings.Builder
	out.Grow(len(text) + len(endpoints))
	for {
		before, rest, found := strings.Cut(text, "{{")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		name, after, _ := strings.Cut(rest, "}}")
		if name == "endpoints" {
			out.WriteString(endpoints)
		} else {
			out.WriteString(values[name])
		}
		text = after
	}
}

// random is a string of hexadecimal digits that looks random.
func random(seed string, n int) string {
	var out bytes.Buffer
	for i := 0; out.Len() < n; i++ {
		h := fnv.New64a()
		fmt.Fprint(h, seed, i)
		fmt.Fprintf(&out, "%016x", h.Sum64())
	}
	return out.String()[:n]
}

func uid(seed string) string {
	r := random(seed, 32)
	return r[:8] + "-" + r[8:12] + "-4" + r[13:16] + "-8" + r[17:20] + "-" + r[20:]
}
