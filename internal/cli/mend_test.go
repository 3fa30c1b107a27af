package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/printer"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// runs one command line against the fake cluster in time that costs nothing.
func runFake(t *testing.T, c *fakeCluster, stdin string, terminal bool, limit time.Duration, args ...string) (Exit, string, string) {
	t.Helper()
	var out, errOut bytes.Buffer
	var exit Exit
	synctest.Test(t, func(t *testing.T) {
		c.signals, c.changed = make(chan model.Signal, 16), make(chan struct{}, 1) // belong to the bubble
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		env := c.env(strings.NewReader(stdin), &out, &errOut)
		env.Terminal.In = terminal
		exit = Main(ctx, env, args)
	})
	return exit, out.String(), errOut.String()
}

func eventsOf(t *testing.T, out string) []printer.EventDoc {
	t.Helper()
	var events []printer.EventDoc
	for line := range strings.Lines(out) {
		var e printer.EventDoc
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		events = append(events, e)
	}
	return events
}

func TestFixMendsAndVerifies(t *testing.T) {
	c := newFakeCluster(t, true)
	exit, out, errOut := runFake(t, c, "", false, 10*time.Minute, "fix", "service/cart", "-n", "shop", "--yes", "-o", "json")
	if exit != ExitOK {
		t.Fatalf("exit %d\n%s\n%s", exit, out, errOut)
	}
	var steps []string
	for _, e := range eventsOf(t, out) {
		steps = append(steps, e.Step)
	}
	if got, want := strings.Join(steps, " "), "planned rehearsed answered applying applied waited judged mended"; got != want {
		t.Errorf("got steps %q, want %q", got, want)
	}
	if n := len(c.changes()); n != 1 {
		t.Errorf("got %d changes, want 1", n)
	}
}

func TestFixTakesBackWhatDoesNotHelp(t *testing.T) {
	c := newFakeCluster(t, false)
	exit, out, errOut := runFake(t, c, "", false, 30*time.Minute, "fix", "service/cart", "-n", "shop", "--yes")
	if exit != ExitDidNotHelp {
		t.Fatalf("exit %d\n%s\n%s", exit, out, errOut)
	}
	if changes := c.changes(); len(changes) != 2 || string(changes[1].Fields[0].New) != "9999" {
		t.Errorf("got changes %+v, want the fix and its undo", changes)
	}
}

func TestFixAsks(t *testing.T) {
	for name, c := range map[string]struct {
		stdin    string
		terminal bool
		want     Exit
		says     string
		changes  int
	}{
		"yes":                    {"y\n", true, ExitOK, "Carry this out on Service shop/cart?", 1},
		"no":                     {"n\n", true, ExitWrong, "the answer was no", 0},
		"nothing":                {"", true, ExitWrong, "the answer was no", 0},
		"no terminal and no yes": {"y\n", false, ExitWrong, "--yes", 0},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := newFakeCluster(t, true)
			exit, out, errOut := runFake(t, cluster, c.stdin, c.terminal, 10*time.Minute, "fix", "service/cart", "-n", "shop")
			if exit != c.want || len(cluster.changes()) != c.changes || !strings.Contains(out+errOut, c.says) {
				t.Errorf("exit %d, %d changes\n%s\n%s", exit, len(cluster.changes()), out, errOut)
			}
		})
	}
}

func TestFixDryRunChangesNothing(t *testing.T) {
	c := newFakeCluster(t, true)
	exit, out, errOut := runFake(t, c, "", false, time.Minute, "fix", "--dry-run", "-o", "json")
	if exit != ExitWrong || len(c.changes()) != 0 || !strings.Contains(out, `"kind": "Plan"`) || !strings.Contains(errOut, "accepts the plan") {
		t.Errorf("exit %d, changes %v\n%s\n%s", exit, c.changes(), out, errOut)
	}
}

func TestWatchAlarmsWithinASecondAndDiagnoses(t *testing.T) {
	c := newFakeCluster(t, true)
	exit, out, errOut := runFake(t, c, "", false, 20*time.Second, "watch", "-o", "json")
	if exit != ExitOK {
		t.Fatalf("exit %d: a watch ends in order\n%s", exit, errOut)
	}
	var alarm, diagnosis, failing *printer.EventDoc
	for _, e := range eventsOf(t, out) {
		switch e.Type {
		case printer.EventAlarm:
			alarm = &e
		case printer.EventDiagnosis:
			diagnosis = &e
		case printer.EventFailing:
			failing = &e
		}
	}
	if alarm == nil || diagnosis == nil || failing == nil {
		t.Fatalf("no alarm, no diagnosis or no reminder:\n%s", out)
	}
	if after := alarm.At.Sub(alarm.FirstError); after > time.Second || alarm.Route != "shop.example.com/cart" {
		t.Errorf("alarm on %s after %s, want on shop.example.com/cart within a second", alarm.Route, after)
	}
	if causes := diagnosis.Diagnosis.Causes; len(causes) == 0 || causes[0].ID != "target-port-mismatch" {
		t.Errorf("got causes %+v", causes)
	}
	if len(c.changes()) != 0 {
		t.Errorf("a watch without --fix made changes: %v", c.changes())
	}
}

func TestWatchFixMends(t *testing.T) {
	c := newFakeCluster(t, true)
	exit, out, errOut := runFake(t, c, "", false, 5*time.Minute, "watch", "--fix", "--yes", "-o", "json")
	if exit != ExitOK {
		t.Fatalf("exit %d\n%s", exit, errOut)
	}
	var seen []string
	for _, e := range eventsOf(t, out) {
		if e.Type == printer.EventAlarm || e.Type == printer.EventCalm || e.Step == "applied" || e.Step == "mended" {
			seen = append(seen, e.Type+e.Step)
		}
	}
	if got, want := strings.Join(seen, " "), "alarm mendapplied mendmended calm"; got != want && got != "alarm mendapplied calm mendmended" {
		t.Errorf("got %q, want %q", got, want)
	}
	if n := len(c.changes()); n != 1 {
		t.Errorf("got %d changes, want 1", n)
	}
}

// What is left to a person is looked at again: a cause that shows later may be one that can be mended.
func TestWatchMendsWhatShowsLater(t *testing.T) {
	c := newFakeCluster(t, true)
	c.first = c.broken.WithObjects(nil, []model.Ref{{APIVersion: "v1", Kind: "Service", Namespace: "shop", Name: "cart"}})
	c.until = time.Date(2000, 1, 1, 0, 0, 40, 0, time.UTC) // time in the test begins at midnight
	exit, out, errOut := runFake(t, c, "", false, 5*time.Minute, "watch", "--fix", "--yes", "-o", "json")
	if exit != ExitOK {
		t.Fatalf("exit %d\n%s", exit, errOut)
	}
	var seen []string
	for _, e := range eventsOf(t, out) {
		if e.Type == printer.EventWarning || e.Step == "refused" || e.Step == "mended" {
			seen = append(seen, e.Type+e.Step)
		}
	}
	if got, want := strings.Join(seen, " "), "mendrefused warning mendmended"; got != want {
		t.Errorf("got %q, want %q\n%s", got, want, out)
	}
}

// What a person is asked to mend is told of again once it is another matter, and mended once nothing stands against it;
// what is as it was is not told of twice, nor asked about.
func TestWhatIsLeftToAPersonIsLookedAtAgain(t *testing.T) {
	kept := func(s *snapshot.Snapshot) *snapshot.Snapshot {
		svc, _ := s.Services().Get("shop", "cart")
		svc = svc.DeepCopy()
		svc.Annotations = map[string]string{"argocd.argoproj.io/tracking-id": "shop:/Service:shop/cart"}
		return s.WithObjects([]metav1.Object{svc}, nil)
	}
	for name, tc := range map[string]struct {
		args     []string
		stdin    string
		first    *snapshot.Snapshot // until the change; nil: there is none
		then     *snapshot.Snapshot // from then on; nil: the port is wrong
		want     string
		within   time.Duration // of the change, until the last of it
		changes  int
		atMost   time.Duration
		terminal bool
	}{
		"another wrong value, and nothing is to be mended": {
			args: []string{"watch"}, first: shopOn(t, 9998),
			want: "diagnosis diagnosis", within: 16 * time.Second, atMost: 12 * time.Minute,
		},
		"another wrong value of an object that somebody keeps": {
			args: []string{"watch", "--fix", "--yes"}, first: kept(shopOn(t, 9998)), then: kept(shopOn(t, 9999)),
			want: "diagnosis refused warning diagnosis refused", within: 16 * time.Second, atMost: 4 * time.Minute,
		},
		"the same, and nobody keeps it any more": {
			args: []string{"watch", "--fix", "--yes"}, first: kept(shopOn(t, 9999)),
			want: "diagnosis refused warning mended", within: 5*time.Minute + 20*time.Second, atMost: 12 * time.Minute, changes: 1,
		},
		"a no holds as long as the plan is the same": {
			args: []string{"watch", "--fix"}, stdin: "n\n", terminal: true,
			want: "diagnosis declined", atMost: 20 * time.Minute,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newFakeCluster(t, true)
			c.first, c.until = tc.first, time.Date(2000, 1, 1, 0, 0, 40, 0, time.UTC) // time in the test begins at midnight
			if tc.then != nil {
				c.broken = tc.then
			}
			exit, out, errOut := runFake(t, c, tc.stdin, tc.terminal, tc.atMost, append(tc.args, "-o", "json")...)
			if exit != ExitOK || len(c.changes()) != tc.changes {
				t.Fatalf("exit %d, %d changes\n%s\n%s", exit, len(c.changes()), out, errOut)
			}
			var seen []string
			var last time.Time
			for _, e := range eventsOf(t, out) {
				switch {
				case e.Type == printer.EventWarning || e.Type == printer.EventDiagnosis:
					seen = append(seen, e.Type)
				case e.Step == "refused" || e.Step == "mended" || e.Step == "declined":
					seen = append(seen, e.Step)
				default:
					continue
				}
				last = e.At
			}
			if got := strings.Join(seen, " "); got != tc.want {
				t.Errorf("got %q, want %q\n%s", got, tc.want, out)
			}
			if after := last.Sub(c.until); tc.within > 0 && (after < 0 || after > tc.within) {
				t.Errorf("the last of it came %s after the change, want within %s", after, tc.within)
			}
		})
	}
}

// A person mends what was left to one: that the errors have stopped is all that is told then.
func TestAPersonMends(t *testing.T) {
	c := newFakeCluster(t, true)
	c.first, c.until = c.broken, time.Date(2000, 1, 1, 0, 0, 40, 0, time.UTC)
	c.broken = c.healthy
	exit, out, errOut := runFake(t, c, "", false, 5*time.Minute, "watch", "-o", "json")
	if exit != ExitOK {
		t.Fatalf("exit %d\n%s", exit, errOut)
	}
	events := eventsOf(t, out)
	if last := events[len(events)-1]; last.Type != printer.EventCalm {
		t.Errorf("the last event is %+v\n%s", last, out)
	}
}

// A repair that could not go on, here since the journal could not be read for a while, is ended before another one is begun.
func TestWatchTakesUpWhatStopped(t *testing.T) {
	c := newFakeCluster(t, true)
	journal, times := t.TempDir()+"/journal", 0
	c.rehearsed = func() {
		if times++; times > 1 {
			return
		}
		if err := os.Rename(journal, journal+".away"); err != nil {
			t.Error(err)
		}
		time.AfterFunc(40*time.Second, func() {
			if err := os.Rename(journal+".away", journal); err != nil {
				t.Error(err)
			}
		})
	}
	policy := policyFile(t, "{namespaceOptIn: NotRequired, rules: [{name: all, mode: auto}]}")
	exit, out, errOut := runFake(t, c, "", false, 5*time.Minute, "watch", "--fix", "--policy", policy, "--journal", journal, "-o", "json")
	if exit != ExitOK || len(c.changes()) != 1 {
		t.Fatalf("exit %d, %d changes\n%s\n%s", exit, len(c.changes()), out, errOut)
	}
	if n := strings.Count(out, "the repair stopped"); n < 1 || n > 2 || !strings.Contains(out, `"step":"mended"`) {
		t.Errorf("it did not stop, or was not taken up:\n%s", out)
	}
}

func TestAsker(t *testing.T) {
	p := model.Plan{Finding: model.Finding{ID: "service-missing"}}
	for name, c := range map[string]struct {
		asker asker
		want  mend.Answer
	}{
		"yes of a person":        {asker{yes: true, person: true}, mend.Answer{Yes: true, Person: true}},
		"yes of a policy":        {asker{yes: true}, mend.Answer{Yes: true}},
		"agreed in advance":      {asker{yes: true, approved: []string{"service-missing"}}, mend.Answer{Yes: true, Person: true}},
		"agreed to another":      {asker{yes: true, approved: []string{"oom-killed"}}, mend.Answer{Yes: true}},
		"agreed to all":          {asker{yes: true, approved: []string{"all"}}, mend.Answer{Yes: true, Person: true}},
		"nobody can be asked":    {asker{}, mend.Answer{Nobody: true, Because: "nobody could be asked, since stdin is not a terminal; --yes carries it out"}},
		"a person says yes":      {asker{terminal: true, in: strings.NewReader("YES\n"), out: &bytes.Buffer{}}, mend.Answer{Yes: true, Person: true}},
		"a person just hits ret": {asker{terminal: true, in: strings.NewReader("\n"), out: &bytes.Buffer{}}, mend.Answer{Because: "the answer was no"}},
	} {
		got, err := c.asker.Ask(t.Context(), p)
		if err != nil || got != c.want {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, err, c.want)
		}
	}
}

// Ctrl-C in the middle of a verification: the status of an interrupted command, and how to go on.
func TestFixInterrupted(t *testing.T) {
	c := newFakeCluster(t, true)
	journal := t.TempDir() + "/journal"
	var out, errOut bytes.Buffer
	var exit Exit
	synctest.Test(t, func(t *testing.T) {
		c.signals, c.changed = make(chan model.Signal, 16), make(chan struct{}, 1)
		ctx, cancel := context.WithCancel(t.Context())
		stop := time.AfterFunc(1500*time.Millisecond, cancel)
		defer stop.Stop()
		exit = Main(ctx, c.env(strings.NewReader(""), &out, &errOut), []string{"fix", "--yes", "--journal", journal})
	})
	if exit != exitInterrupted || !strings.Contains(errOut.String(), "same --journal") || len(c.changes()) != 1 {
		t.Fatalf("exit %d, %d changes\n%s\n%s", exit, len(c.changes()), out.String(), errOut.String())
	}

	// The next run takes it up: it verifies what was done and does not do it again, and what failed
	// before is not held against the cluster as it is now.
	c.past = 100
	exit, text, errText := runFake(t, c, "", false, 10*time.Minute, "fix", "--yes", "--journal", journal)
	if exit != ExitOK || len(c.changes()) != 1 || !strings.Contains(text, "mended") {
		t.Errorf("exit %d, %d changes\n%s\n%s", exit, len(c.changes()), text, errText)
	}
}
