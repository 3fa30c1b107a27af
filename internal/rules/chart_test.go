package rules

import (
	"crypto/rand"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/config"
	"github.com/gatemend/gatemend/internal/cli"
	"github.com/gatemend/gatemend/internal/install"
	"github.com/gatemend/gatemend/internal/notify/channels"
	"github.com/gatemend/gatemend/internal/testkit"
)

const chart = "charts/gatemend"

// Helm reads only what is in the chart's folder, so the chart has copies of the manifests that the project offers.
func TestDocsOfChart(t *testing.T) {
	copied := map[string]bool{}
	for _, pattern := range []string{"crd/*.yaml", "admission/*.yaml", "rbac/reader.yaml", "rbac/controller.yaml", "rbac/mender.yaml", "rbac/actions.yaml", "rbac/approver.yaml", "rbac/stopper.yaml", "rbac/agent.yaml"} {
		names, err := fs.Glob(config.Files(), pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v, %v", pattern, names, err)
		}
		for _, name := range names {
			data, err := fs.ReadFile(config.Files(), name)
			if err != nil {
				t.Fatal(err)
			}
			testkit.Golden(t, filepath.Join(inRoot(chart), "files", name), string(data))
			copied[name] = true
		}
	}
	for _, dir := range []string{"crd", "admission", "rbac"} {
		files, err := os.ReadDir(filepath.Join(inRoot(chart), "files", dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if !copied[dir+"/"+f.Name()] {
				t.Errorf("%s/files/%s/%s is a copy of nothing: delete it", chart, dir, f.Name())
			}
		}
	}
}

// The rules and the dashboard speak of metrics that exist; which do, docs/metrics.md says, and package metrics is
// tested against that page.
func TestMonitoringKnowsTheMetrics(t *testing.T) {
	known := regexp.MustCompile("`(gatemend_[a-z_]+)`")
	var metrics []string
	for _, m := range known.FindAllStringSubmatch(read(t, "docs/metrics.md"), -1) {
		metrics = append(metrics, m[1])
	}
	if len(metrics) < 10 {
		t.Fatalf("docs/metrics.md names %v", metrics)
	}
	named := regexp.MustCompile(`\bgatemend_[a-z_]+`)
	for _, file := range []string{chart + "/files/prometheus/rules.yaml", chart + "/files/grafana/dashboard.json"} {
		found := named.FindAllString(read(t, file), -1)
		if len(found) == 0 {
			t.Errorf("%s names no metric", file)
		}
		for _, name := range found {
			if !slices.Contains(metrics, strings.TrimSuffix(name, "_bucket")) {
				t.Errorf("%s: there is no metric %s in docs/metrics.md", file, name)
			}
		}
	}
}

// panel is what is checked of a panel of Grafana's dashboards.
type panel struct {
	ID         int    `json:"id"`
	Type       string `json:"type"`
	Title      string `json:"title"`
	Datasource struct {
		UID string `json:"uid"`
	} `json:"datasource"`
	GridPos struct{ X, Y, W, H int } `json:"gridPos"`
	Targets []struct {
		RefID string `json:"refId"`
		Expr  string `json:"expr"`
	} `json:"targets"`
}

// Grafana draws what it is given, however panels overlap and whatever data source they name; nothing here loads it
// into Grafana, so these are the mistakes that are looked for.
func TestDashboardIsWellFormed(t *testing.T) {
	var d struct {
		UID, Title    string
		SchemaVersion int
		Panels        []panel
	}
	if err := json.Unmarshal([]byte(read(t, chart+"/files/grafana/dashboard.json")), &d); err != nil {
		t.Fatal(err)
	}
	if d.UID == "" || d.Title == "" || d.SchemaVersion < 36 || len(d.Panels) < 10 {
		t.Errorf("got %s, %s, %d, %d panels", d.UID, d.Title, d.SchemaVersion, len(d.Panels))
	}
	for i, p := range d.Panels {
		if p.Title == "" || p.GridPos.W < 1 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %d %q stands at %+v", p.ID, p.Title, p.GridPos)
		}
		if p.Type != "row" && (len(p.Targets) == 0 || p.Datasource.UID != "${datasource}") {
			t.Errorf("panel %q asks nothing, or a data source of its own", p.Title)
		}
		for _, q := range d.Panels[:i] {
			if p.ID == q.ID || p.Title == q.Title {
				t.Errorf("panels %d and %d share an id or a title", p.ID, q.ID)
			}
			a, b := p.GridPos, q.GridPos
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Errorf("panels %q and %q overlap", p.Title, q.Title)
			}
		}
	}
}

// The Deployment calls the program with flags that it has. A wrong one would only be noticed in a cluster.
func TestChartCallsTheProgram(t *testing.T) {
	for _, mode := range install.Modes() {
		for _, namespaced := range []bool{false, true} {
			text, err := install.Manifests(install.Options{Mode: mode, Namespaced: namespaced, Namespace: "mending"})
			if err != nil {
				t.Fatal(err)
			}
			calls(t, "controller", workload[appsv1.Deployment](t, "Deployment", text).Spec.Template.Spec.Containers[0].Args)
		}
	}
	text, err := install.Manifests(install.Options{Mode: "auto", Namespace: "mending", Agent: true, Now: time.Unix(1_800_000_000, 0), Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	calls(t, "controller", workload[appsv1.Deployment](t, "Deployment", text).Spec.Template.Spec.Containers[0].Args)
	calls(t, "agent", workload[appsv1.DaemonSet](t, "DaemonSet", text).Spec.Template.Spec.Containers[0].Args)
	// Those of settings that the plain manifests do not have.
	args := workload[appsv1.Deployment](t, "Deployment", read(t, "lab/chart/testdata/everything.golden")).Spec.Template.Spec.Containers[0].Args
	calls(t, "controller", args[:len(args)-1]) // the last one is of extraArgs
}

// The file that the chart makes of its channels is one that the program reads.
func TestChartConfiguresChannels(t *testing.T) {
	for text := range strings.SplitSeq(read(t, "lab/chart/testdata/everything.golden"), "\n---\n") {
		var m corev1.ConfigMap
		if !strings.Contains(text, "\nkind: ConfigMap\n") || !strings.Contains(text, "-notify\n") {
			continue
		}
		if err := yaml.UnmarshalStrict([]byte(text), &m); err != nil {
			t.Fatal(err)
		}
		c, err := channels.Parse(m.Name, []byte(m.Data["config.yaml"]))
		if err != nil || len(c.Channels) != 2 {
			t.Errorf("%d channels, %v", len(c.Channels), err)
		}
		return
	}
	t.Error("there is no ConfigMap of channels")
}

// workload is the only object of a kind.
func workload[T any](t *testing.T, kind, manifests string) T {
	t.Helper()
	var out T
	for text := range strings.SplitSeq(manifests, "\n---\n") {
		if strings.Contains(text, "\nkind: "+kind+"\n") {
			if err := yaml.UnmarshalStrict([]byte(text), &out); err != nil {
				t.Fatal(err)
			}
			return out
		}
	}
	t.Fatalf("there is no %s", kind)
	return out
}

func calls(t *testing.T, command string, args []string) {
	t.Helper()
	cmd, rest, err := cli.New(cli.Env{}).Find(args)
	if err != nil || cmd.Name() != command {
		t.Fatalf("%v: it calls %s, %v", args, cmd.Name(), err)
	}
	if err := cmd.ParseFlags(rest); err != nil {
		t.Errorf("%v: %v", args, err)
	}
	if left := cmd.Flags().Args(); len(left) > 0 {
		t.Errorf("%v: %v is no flag", args, left)
	}
}
