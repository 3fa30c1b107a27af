package diagnose

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/catalogue"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

var update = flag.Bool("update", false, "write the golden sections of testdata/*.txtar anew")

// now is the time of every case's snapshot.
var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// TestCases runs testdata/CAUSE.txtar: in each, cases in folders of their own:
//
//	NAME/patch.yaml     merge patches for objects of base.yaml, or whole new objects; "$delete: true" removes
//	NAME/signals.yaml   what gateways logged
//	NAME/probes.yaml    what active checks found
//	NAME/unread         kinds that nobody could read, one per line
//	NAME/POD.log        an application's log; POD.previous.log: of the container before
//	NAME/want           what comes out
//
// A case whose name starts with "positive" must have the file's cause first; one that starts with
// "negative" must not have it among the causes; one that starts with "also" must have it beside the
// causes, as wrong and not the cause; one that starts with "unknown" must neither be sure of it nor call
// the cluster healthy.
func TestCases(t *testing.T) {
	for _, a := range Analyzers() {
		t.Run(string(a.Cause), func(t *testing.T) {
			name := filepath.Join("testdata", string(a.Cause)+".txtar")
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			cases := casesOf(archive)
			for _, c := range cases {
				t.Run(c, func(t *testing.T) { runCase(t, a.Cause, archive, c) })
			}
			if *update {
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func casesOf(a *txtar.Archive) []string {
	var out []string
	for _, f := range a.Files {
		if c, _, ok := strings.Cut(f.Name, "/"); ok && !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

func runCase(t *testing.T, cause model.CauseID, a *txtar.Archive, name string) {
	in, want := inputOf(t, a, name)
	d := Diagnose(in)
	check(t, cause, name, d)
	got := show(d)
	if *update {
		if want < 0 {
			a.Files = append(a.Files, txtar.File{Name: name + "/want"})
			want = len(a.Files) - 1
		}
		a.Files[want].Data = []byte(got)
		return
	}
	if want < 0 {
		t.Fatal("no want section; run with -update")
	}
	if diff := cmp.Diff(string(a.Files[want].Data), got); diff != "" {
		t.Errorf("diagnosis (-want +got):\n%s", diff)
	}
}

// inputOf reads a case, and says which section is what it wants; -1: none is.
func inputOf(t *testing.T, a *txtar.Archive, name string) (in Input, want int) {
	objects := base(t)
	var unread []string
	want = -1
	for i, f := range a.Files {
		rest, ok := strings.CutPrefix(f.Name, name+"/")
		switch {
		case !ok:
		case rest == "patch.yaml":
			objects = patched(t, objects, f.Data)
		case rest == "signals.yaml":
			in.Signals = signals(t, f.Data)
		case rest == "probes.yaml":
			if err := yaml.UnmarshalStrict(f.Data, &in.Probes); err != nil {
				t.Fatal(err)
			}
		case rest == "unread":
			unread = strings.Fields(string(f.Data))
		case rest == "want":
			want = i
		case strings.HasSuffix(rest, ".log"):
			pod, previous := strings.CutSuffix(strings.TrimSuffix(rest, ".log"), ".previous")
			in.Logs = append(in.Logs, model.LogExcerpt{
				Pod:      model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: "shop", Name: pod},
				Previous: previous,
				Lines:    strings.Split(strings.TrimSpace(string(f.Data)), "\n"),
			})
		default:
			t.Fatalf("unknown section %s", f.Name)
		}
	}
	in.Snapshot = build(t, objects, unread)
	for i := range in.Logs { // of a pod elsewhere, if the namespace has none of that name
		for p := range in.Snapshot.Pods().All() {
			if _, ok := in.Snapshot.Pods().Get("shop", in.Logs[i].Pod.Name); ok != snapshot.Present && p.Name == in.Logs[i].Pod.Name {
				in.Logs[i].Pod.Namespace = p.Namespace
			}
		}
	}
	return in, want
}

func check(t *testing.T, cause model.CauseID, name string, d model.Diagnosis) {
	has := func(fs []model.Finding, at float64) bool {
		return slices.ContainsFunc(fs, func(f model.Finding) bool { return f.ID == cause && f.Confidence >= at })
	}
	switch {
	case strings.HasPrefix(name, "positive"):
		if len(d.Causes) == 0 || d.Causes[0].ID != cause {
			t.Errorf("the first cause is not %s", cause)
		}
		if d.Healthy {
			t.Error("it is called healthy")
		}
	case strings.HasPrefix(name, "negative"):
		if has(d.Causes, 0) {
			t.Errorf("%s is among the causes", cause)
		}
	case strings.HasPrefix(name, "also"):
		if has(d.Causes, 0) || !has(d.AlsoWrong, 0) {
			t.Errorf("%s is not what is wrong besides", cause)
		}
	case strings.HasPrefix(name, "unknown"):
		if has(d.Causes, proven) || d.Healthy {
			t.Errorf("it is sure of %s, or healthy, without having seen enough", cause)
		}
	}
}

// base reads the objects of base.yaml as JSON.
func base(t *testing.T) [][]byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "base.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return items(t, data)
}

// items reads the items of a YAML list of objects.
func items(t *testing.T, data []byte) [][]byte {
	t.Helper()
	var list struct{ Items []json.RawMessage }
	if err := yaml.Unmarshal(data, &list); err != nil {
		t.Fatalf("%v in:\n%s", err, data)
	}
	var out [][]byte
	for _, o := range list.Items {
		out = append(out, o)
	}
	return out
}

type head struct {
	Kind     string
	Metadata struct{ Namespace, Name string }
	Delete   bool `json:"$delete"`
}

func headOf(t *testing.T, data []byte) head {
	t.Helper()
	var h head
	if err := json.Unmarshal(data, &h); err != nil {
		t.Fatal(err)
	}
	return h
}

// patched lays merge patches over objects of the same kind and name.
func patched(t *testing.T, objects [][]byte, data []byte) [][]byte {
	t.Helper()
	for _, p := range items(t, data) {
		h := headOf(t, p)
		del := h.Delete
		h.Delete = false
		i := slices.IndexFunc(objects, func(o []byte) bool { return headOf(t, o) == h })
		switch {
		case i < 0:
			objects = append(objects, p)
		case del:
			objects = slices.Delete(slices.Clone(objects), i, i+1)
		default:
			merged, err := jsonpatch.MergePatch(objects[i], p)
			if err != nil {
				t.Fatal(err)
			}
			objects = slices.Clone(objects)
			objects[i] = merged
		}
	}
	return objects
}

func build(t *testing.T, objects [][]byte, unread []string) *snapshot.Snapshot {
	t.Helper()
	b := snapshot.NewBuilder()
	for _, k := range snapshot.Kinds() {
		if slices.Contains(unread, string(k)) {
			b.Cover(k, snapshot.Denied, "", "forbidden")
			continue
		}
		b.Cover(k, snapshot.Complete, "", "")
	}
	for _, data := range objects {
		if slices.Contains(unread, headOf(t, data).Kind) {
			continue
		}
		o, err := snapshot.Decode(data)
		if err != nil {
			t.Fatalf("%v in %s", err, data)
		}
		if err := b.Add(o); err != nil {
			t.Fatal(err)
		}
	}
	return b.Seal(now)
}

// signals reads a short form: "at" is seconds before the snapshot, "times" repeats the line.
func signals(t *testing.T, data []byte) []model.Signal {
	t.Helper()
	var short []struct {
		Ago      float64
		Times    int
		Status   int
		Failure  model.FailureKind
		Reason   string
		Upstream string
		Took     string
		Method   string
		Path     string
		Host     string
		Proxy    string
		Client   string
		Pod      string // the gateway's
		ErrorLog bool
		Hostless bool // the line names no host
		Unread   bool // the gateway had not read what the request asks for
	}
	if err := yaml.UnmarshalStrict(data, &short); err != nil {
		t.Fatal(err)
	}
	var out []model.Signal
	for _, x := range short {
		took, _ := time.ParseDuration(x.Took)
		for i := range max(1, x.Times) {
			s := model.Signal{
				At: now.Add(-time.Duration(x.Ago*1000)*time.Millisecond + time.Duration(i)*100*time.Millisecond), Proxy: "nginx", Source: "gateway.log:1", Client: x.Client,
				Request: model.Request{Method: "GET", Host: "shop.example", Path: "/cart/items"},
				Status:  x.Status, Failure: x.Failure, Reason: x.Reason, Duration: took, ErrorLog: x.ErrorLog, Raw: x.Reason,
			}
			if x.Method != "" {
				s.Request.Method = x.Method
			}
			if x.Path != "" {
				s.Request.Path = x.Path
			}
			if x.Host != "" {
				s.Request.Host = x.Host
			}
			if x.Proxy != "" {
				s.Proxy = x.Proxy
			}
			if x.Unread {
				s.Request = model.Request{}
			}
			if x.Hostless || x.Unread {
				s.Request.Host = ""
				s.Gateway = model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: "edge", Name: "ingress-nginx-controller-1"}
			}
			if x.Pod != "" {
				s.Gateway = model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: "edge", Name: x.Pod}
			}
			if x.Upstream != "" {
				s.Tries = []model.Try{{Address: x.Upstream, Status: x.Status, Duration: took}}
			}
			out = append(out, s)
		}
	}
	return out
}

// show writes what a reader of a case wants to see.
func show(d model.Diagnosis) string {
	var b strings.Builder
	fmt.Fprintf(&b, "healthy: %v\n", d.Healthy)
	for _, t := range d.Traces {
		fmt.Fprintf(&b, "predicts: %s %s\n", t.Request, t.Predicts)
	}
	write := func(title string, f model.Finding) {
		fmt.Fprintf(&b, "%s: %s %.2f\n  at: %s\n  summary: %s\n", title, f.ID, f.Confidence, f.Object, f.Summary)
		if f.Wanted != "" {
			fmt.Fprintf(&b, "  wanted: %s\n", f.Wanted)
		}
		if !f.Since.IsZero() {
			fmt.Fprintf(&b, "  since: %s\n", f.Since.UTC().Format(time.RFC3339))
		}
		if g, ok := f.Related["goodRevision"]; ok {
			fmt.Fprintf(&b, "  good revision: %s\n", g.Name)
		}
		for _, e := range f.Explains {
			fmt.Fprintf(&b, "  explains: %s\n", e)
		}
	}
	for _, f := range d.Causes {
		write("cause", f)
	}
	for _, f := range d.AlsoWrong {
		write("also wrong", f)
	}
	for _, r := range d.RuledOut {
		fmt.Fprintf(&b, "ruled out: %s, because %s\n", r.ID, r.Because)
	}
	for _, u := range d.Unknown {
		fmt.Fprintf(&b, "unknown: %s: %s\n", u.What, u.Why)
	}
	return b.String()
}

func TestBaseIsHealthy(t *testing.T) {
	d := Diagnose(Input{Snapshot: build(t, base(t), nil)})
	if !d.Healthy || len(d.Causes)+len(d.AlsoWrong)+len(d.RuledOut)+len(d.Unknown) != 0 {
		t.Errorf("the base is not healthy:\n%s", show(d))
	}
}

func TestAnalyzersAreInTheCatalogue(t *testing.T) {
	type origin struct {
		cause model.CauseID
		from  stage
	}
	seen, found := map[origin]bool{}, map[model.CauseID]bool{}
	for _, a := range Analyzers() {
		c, ok := catalogue.Lookup(a.Cause)
		if !ok || c.Text == "" {
			t.Errorf("%s: in the catalogue: %v, with a page: %v", a.Cause, ok, c.Text != "")
		}
		if seen[origin{a.Cause, a.stage}] {
			t.Errorf("%s: two analyzers of one stage", a.Cause)
		}
		seen[origin{a.Cause, a.stage}], found[a.Cause] = true, true
		if !strings.HasSuffix(a.Doc, ".") || !strings.HasPrefix(a.Doc, "Finds ") || len(a.Inputs) == 0 {
			t.Errorf("%s: its doc or inputs are missing", a.Cause)
		}
	}
	for _, c := range catalogue.Causes() {
		if c.Text != "" && !found[c.ID] {
			t.Errorf("%s has a page and no analyzer", c.ID)
		}
	}
}

// TestOrder proves that the order of signals and logs does not matter.
func TestOrder(t *testing.T) {
	in := Input{Snapshot: build(t, base(t), nil), Signals: signals(t, []byte(`
- {ago: 60, times: 5, status: 502, failure: refused, upstream: "10.0.0.11:8080", reason: "connect() failed (111: Connection refused)"}
- {ago: 50, times: 5, status: 502, failure: header-too-big, upstream: "10.0.0.11:8080", reason: "upstream sent too big header"}
- {ago: 40, times: 50, status: 200}
`))}
	first := show(Diagnose(in))
	slices.Reverse(in.Signals)
	if diff := cmp.Diff(first, show(Diagnose(in))); diff != "" {
		t.Errorf("order matters (-first +reversed):\n%s", diff)
	}
}

// Of a Rollout it is said how a person takes it back where its controller would not simply go back.
func TestOfARolloutTheWayBackIsTold(t *testing.T) {
	archive, err := txtar.ParseFile(filepath.Join("testdata", "bad-rollout.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	const way, atOnce = "'kubectl argo rollouts undo cart -n shop --to-revision=1': ", "calls revision 1 stable, and goes back there at once"
	for name, want := range map[string]string{
		"positive-argo-rollout":          atOnce,
		"positive-argo-rollout-promoted": way + "its controller would take all 2 steps of its strategy on the way",
		"positive-own-errors-since":      "",
	} {
		in, _ := inputOf(t, archive, name)
		d := Diagnose(in)
		if len(d.Causes) == 0 || d.Causes[0].ID != "bad-rollout" {
			t.Fatalf("%s: causes %+v", name, d.Causes)
		}
		var said []string
		for _, e := range d.Causes[0].Evidence {
			if strings.Contains(e.Text, way) || strings.Contains(e.Text, atOnce) {
				said = append(said, e.Text)
			}
		}
		if got := strings.Join(said, "\n"); !strings.HasSuffix(got, want) || want == "" && got != "" {
			t.Errorf("%s: it is said: %q, want %q", name, got, want)
		}
	}
}
