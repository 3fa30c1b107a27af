package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/owner"
	"github.com/gatemend/gatemend/internal/printer"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// with puts objects into the fake cluster, broken and mended.
func (c *fakeCluster) with(objects ...metav1.Object) *fakeCluster {
	c.broken, c.healthy = c.broken.WithObjects(objects, nil), c.healthy.WithObjects(objects, nil)
	return c
}

func namespace(value string) metav1.Object {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop", Labels: map[string]string{"gatemend.dev/remediation": value}}}
}

func stopSwitch() metav1.Object {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "gatemend", Name: "gatemend-stop", UID: "u1"}, Data: map[string]string{"reason": "storage moves"}}
}

func policyFile(t *testing.T, spec string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "policy.yaml")
	text := "apiVersion: gatemend.dev/v1alpha1\nkind: RemediationPolicy\nmetadata: {name: p}\nspec: " + spec + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

const allAuto = "{rules: [{name: all, mode: auto}]}"

// TestFixGoesByThePolicy: what it allows is done without asking, what it leaves to a person is asked, and what
// it forbids no yes lifts.
func TestFixGoesByThePolicy(t *testing.T) {
	for name, tc := range map[string]struct {
		cluster func(*fakeCluster)
		spec    string // empty: no policy
		args    string
		stdin   string // not empty: a terminal
		want    Exit
		says    string
		changes int
	}{
		"auto":                       {func(c *fakeCluster) { c.with(namespace("enabled")) }, allAuto, "", "", ExitOK, "mended", 1},
		"not opted in, nobody asked": {nil, allAuto, "", "", ExitWrong, "p: namespaceOptIn: namespace shop has not opted in", 0},
		"not opted in, a yes":        {nil, allAuto, "", "y\n", ExitOK, "Carry this out", 1},
		"not opted in, --yes":        {nil, allAuto, "--yes", "", ExitOK, "mended", 1},
		"propose":                    {nil, "{rules: [{name: all, mode: propose}]}", "--yes", "", ExitWrong, "p/all: mode propose", 0},
		"no rule":                    {nil, "{}", "--yes", "", ExitWrong, "default: no rule is about it", 0},
		"opted out, no policy":       {func(c *fakeCluster) { c.with(namespace("disabled")) }, "", "--yes", "", ExitWrong, "namespace-label: namespace shop", 0},
		"stopped, no policy":         {func(c *fakeCluster) { c.with(stopSwitch()) }, "", "--yes", "", ExitWrong, "kill-switch: gatemend was stopped (storage moves)", 0},
		"stopped, auto":              {func(c *fakeCluster) { c.with(namespace("enabled"), stopSwitch()) }, allAuto, "", "", ExitWrong, "kill-switch", 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := newFakeCluster(t, true)
			if tc.cluster != nil {
				tc.cluster(c)
			}
			args := append([]string{"fix", "service/cart", "-n", "shop"}, strings.Fields(tc.args)...)
			if tc.spec != "" {
				args = append(args, "--policy", policyFile(t, tc.spec))
			}
			exit, out, errOut := runFake(t, c, tc.stdin, tc.stdin != "", 10*time.Minute, args...)
			if exit != tc.want || len(c.changes()) != tc.changes || !strings.Contains(out+errOut, tc.says) {
				t.Errorf("exit %d, %d changes, want %d, %d and %q\n%s\n%s", exit, len(c.changes()), tc.want, tc.changes, tc.says, out, errOut)
			}
		})
	}
}

// unread is a cluster whose ConfigMaps may not be read.
func unread(t *testing.T, s *snapshot.Snapshot) *snapshot.Snapshot {
	t.Helper()
	b := snapshot.NewBuilder()
	for _, k := range snapshot.Kinds() {
		c, why := s.Coverage(k)
		b.Cover(k, c, s.Scope(k), why)
		for o := range s.AllOf(k) {
			if err := b.Add(o); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.Cover(snapshot.ConfigMaps, snapshot.Denied, "", "configmaps is forbidden")
	return b.Seal(s.At())
}

// Where nobody can tell whether gatemend was stopped, nothing is done unattended: only a person's yes to the very
// plan, or to its cause, is one.
func TestUnknownKillSwitch(t *testing.T) {
	for name, tc := range map[string]struct {
		args    string
		stdin   string
		changes int
	}{
		"fix --yes is a person's":        {"fix service/cart -n shop --yes", "", 1},
		"fix, a yes at the prompt":       {"fix service/cart -n shop", "y\n", 1},
		"watch, unattended":              {"watch --fix --yes -o json", "", 0},
		"watch, the cause was agreed to": {"watch --fix --yes --approve target-port-mismatch -o json", "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			c := newFakeCluster(t, true)
			c.broken, c.healthy = unread(t, c.broken), unread(t, c.healthy)
			_, out, errOut := runFake(t, c, tc.stdin, tc.stdin != "", 5*time.Minute, strings.Fields(tc.args)...)
			if len(c.changes()) != tc.changes {
				t.Errorf("%d changes, want %d\n%s\n%s", len(c.changes()), tc.changes, out, errOut)
			}
			if says := "whether gatemend was stopped is not known"; tc.changes == 0 && !strings.Contains(out, says) {
				t.Errorf("it does not say %q:\n%s\n%s", says, out, errOut)
			}
		})
	}
}

// What holds a repair back for a while lets it go later, in the same watch.
func TestWatchWaitsForTheWindow(t *testing.T) {
	// Time in the test begins at midnight of 2000-01-01, UTC.
	policy := policyFile(t, "{rules: [{name: all, mode: auto}], windows: [{from: '00:12', to: '01:00'}]}")
	c := newFakeCluster(t, true).with(namespace("enabled"))
	exit, out, errOut := runFake(t, c, "", false, 20*time.Minute, "watch", "--fix", "--policy", policy, "-o", "json")
	if exit != ExitOK || len(c.changes()) != 1 {
		t.Fatalf("exit %d, %d changes\n%s", exit, len(c.changes()), errOut)
	}
	held := 0
	for _, e := range eventsOf(t, out) {
		if e.Type == printer.EventWarning && strings.Contains(e.Text, "p: windows") {
			held++
		}
		if e.Step == "applied" && e.At.Minute() < 12 {
			t.Errorf("it was applied at %s, before the window", e.At)
		}
	}
	if held == 0 || held > 3 {
		t.Errorf("told %d times that it is held back", held)
	}
}

// A cause that is approved in advance is one to which a person has said yes.
func TestWatchApproves(t *testing.T) {
	policy := policyFile(t, "{rules: [{name: all, mode: approve}]}")
	c := newFakeCluster(t, true)
	exit, out, errOut := runFake(t, c, "", false, 5*time.Minute, "watch", "--fix", "--policy", policy, "--approve", "target-port-mismatch", "-o", "json")
	if exit != ExitOK || len(c.changes()) != 1 {
		t.Errorf("exit %d, %d changes\n%s\n%s", exit, len(c.changes()), out, errOut)
	}
}

// Where the owner's source is at hand, what may not be changed in the cluster is committed there.
func TestFixProposesToTheSource(t *testing.T) {
	c := newFakeCluster(t, true)
	svc, _ := c.broken.Services().Get("shop", "cart")
	svc = svc.DeepCopy()
	svc.Annotations = map[string]string{"argocd.argoproj.io/tracking-id": "shop:/Service:shop/cart"}
	c.broken = c.broken.WithObjects([]metav1.Object{svc}, nil)
	var out, errOut bytes.Buffer
	var asked SourceCommit
	var edited []owner.File
	var exit Exit
	synctest.Test(t, func(t *testing.T) {
		c.signals, c.changed = make(chan model.Signal, 16), make(chan struct{}, 1)
		env := c.env(strings.NewReader(""), &out, &errOut)
		env.CommitSource = func(r SourceCommit) (model.GitChange, error) {
			asked = r
			var err error
			edited, err = r.Edit([]owner.File{{Path: "s.yaml", Text: []byte("apiVersion: v1\nkind: Service\nmetadata: {name: cart}\nspec: {ports: [{name: http, targetPort: 9999}]}\n")}})
			return model.GitChange{Dir: r.Dir, Branch: r.Branch, Commit: "abc", Files: []string{"s.yaml"}}, err
		}
		exit = Main(t.Context(), env, []string{"fix", "service/cart", "-n", "shop", "--yes", "--git-dir", "deploy"})
	})
	if exit != ExitWrong || len(c.changes()) != 0 || asked.Dir != "deploy" || !strings.Contains(asked.Message, "Cause: target-port-mismatch") {
		t.Errorf("exit %d, %d changes, asked %+v\n%s\n%s", exit, len(c.changes()), asked, out.String(), errOut.String())
	}
	if len(edited) != 1 || !strings.Contains(string(edited[0].Text), "targetPort: 8080") {
		t.Errorf("edited %s", edited)
	}
	if !strings.Contains(out.String(), "git -C deploy push origin") {
		t.Errorf("it is not said how to go on:\n%s", out.String())
	}
}

// Limits that begin anew with every run are no limits, which people are told.
func TestLimitsWithoutAJournal(t *testing.T) {
	const note = "know of no repair before this run"
	for _, tc := range []struct {
		args []string
		want bool
	}{
		{[]string{"--policy", policyFile(t, allAuto)}, true},
		{[]string{"--policy", policyFile(t, allAuto), "--journal", filepath.Join(t.TempDir(), "j.jsonl")}, false},
		{[]string{"--yes"}, false},
	} {
		c := newFakeCluster(t, true).with(namespace("enabled"))
		_, _, errOut := runFake(t, c, "", false, 10*time.Minute, append([]string{"fix", "service/cart", "-n", "shop"}, tc.args...)...)
		if strings.Contains(errOut, note) != tc.want {
			t.Errorf("%v: got %q; want the note: %v", tc.args, errOut, tc.want)
		}
	}
}
