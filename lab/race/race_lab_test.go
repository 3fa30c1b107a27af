//go:build lab

package race_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatemend/gatemend/lab/cluster"
	"github.com/gatemend/gatemend/lab/fault"
	"github.com/gatemend/gatemend/lab/labtest"
	"github.com/gatemend/gatemend/lab/load"
	"github.com/gatemend/gatemend/lab/manifest"
)

// ownCluster is made for this test and removed after it.
const ownCluster = "race"

var (
	name = flag.String("cluster", ownCluster, "name of the lab cluster; any other than the default is left up")
	only = flag.String("race", "", "only these, comma separated")
	keep = flag.String("keep", "", "folder for the answers that were wrong")
)

// runs is how often each race is let happen: RACE_RUNS, else few.
func runs(t *testing.T) int {
	t.Helper()
	text := os.Getenv("RACE_RUNS")
	if text == "" {
		return 2
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("RACE_RUNS=%q is no number of runs", text)
	}
	return n
}

// A race is a matter of luck: one in which fewer than enough requests failed did not really happen, and nobody
// could tell it from chance. It is let happen again, a few times.
const (
	enough   = 4
	patience = 4
)

var errFew = errors.New("hardly a request failed")

// bench is the lab with everything installed, and what was answered so far.
type bench struct {
	fault.Place
	program string
	mu      sync.Mutex
	answers map[string]map[string]int // by race, by first cause
	objects map[string]int            // by race, how often the object was right too
	failed  map[string]int            // by race, the requests that failed
	sent    map[string]int
}

// TestRacesAreToldApart lets every race happen RACE_RUNS times and wants its own cause first each time. Races of
// different parts of the shop run side by side. Those that need the cluster for themselves happen only where
// RACE_RUNS or -race asks for them: a node that comes back soon has its pods collected at once, so that now and
// then hardly a request fails and there is nothing to tell.
func TestRacesAreToldApart(t *testing.T) {
	b := open(t)
	n := runs(t)
	var beside [3][]fault.Race
	var alone []fault.Race
	lanes := map[string]int{manifest.Web: 0, manifest.Cart: 1, manifest.API: 2}
	for _, r := range fault.Races() {
		switch {
		case *only != "" && !slices.Contains(strings.Split(*only, ","), r.Name):
		case r.Alone && os.Getenv("RACE_RUNS") == "" && *only == "":
		case r.Alone:
			alone = append(alone, r)
		default:
			beside[lanes[r.Role]] = append(beside[lanes[r.Role]], r)
		}
	}
	var lane sync.WaitGroup
	for _, races := range beside {
		lane.Go(func() {
			for _, r := range races {
				b.try(t, r, n)
			}
		})
	}
	lane.Wait()
	for _, r := range alone {
		b.try(t, r, n)
	}
	t.Log("\n" + b.table())
	for race, answers := range b.answers {
		for cause, times := range answers {
			if cause != race {
				t.Errorf("%s was taken for %s %d times", race, cause, times)
			}
		}
	}
}

func open(t *testing.T) *bench {
	t.Helper()
	lab := labtest.Open(t, ownCluster, cluster.Options{Name: *name, Nodes: 2, KeepOrphans: true})
	b := &bench{
		Place: fault.Place{Client: lab.Client, Cluster: lab.Cluster}, program: labtest.Program(t),
		answers: map[string]map[string]int{}, objects: map[string]int{}, failed: map[string]int{}, sent: map[string]int{},
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	// The gateways must not be on the node that goes.
	if err := b.Cordon(ctx, true); err != nil {
		t.Fatal(err)
	}
	lab.Install(t)
	return b
}

// try prepares a race and lets it happen n times.
func (b *bench) try(t *testing.T, r fault.Race, n int) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	err := r.Prepare(ctx, b.Place)
	cancel()
	if err != nil {
		t.Errorf("prepare %s: %v", r.Name, err)
		return
	}
	for i := range n {
		err := b.once(t, r, i+1)
		for again := 0; errors.Is(err, errFew) && again < patience; again++ {
			err = b.once(t, r, i+1)
		}
		if err != nil {
			t.Errorf("%s, run %d: %v", r.Name, i+1, err)
			b.answer(r, "(not run)", false, 0, 0)
		}
	}
}

// once lets a race happen under traffic and asks what it was.
func (b *bench) once(t *testing.T, r fault.Race, number int) error {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	defer func() {
		if err := r.After(context.WithoutCancel(ctx), b.Place); err != nil {
			t.Errorf("after %s, run %d: %v", r.Name, number, err)
		}
	}()
	if err := b.settled(ctx, r); err != nil {
		return err
	}
	began := time.Now()
	stop := b.drive(ctx, t, r)
	err := r.Run(ctx, b.Place, number)
	sent, failed := stop()
	if err != nil {
		return err
	}
	if failed < enough {
		return errFew
	}
	var out, errs bytes.Buffer
	argv := []string{b.program, "diagnose", "http://" + r.Route + "/", "-o", "json", "--since", fmt.Sprint(time.Since(began).Round(time.Second))}
	err = b.Cluster.Exec(ctx, argv, cluster.Stdio{Out: &out, Err: &errs})
	if exit, is := errors.AsType[*exec.ExitError](err); err != nil && (!is || exit.ExitCode() != 1) {
		return fmt.Errorf("%w: %s", err, errs.String())
	}
	cause, object, err := first(out.Bytes())
	if err != nil {
		return err
	}
	b.answer(r, cause, object == r.WantObject, sent, failed)
	t.Logf("%s, run %d: %s at %s, %d of %d requests failed, %s", r.Name, number, cause, object, failed, sent, time.Since(began).Round(100*time.Millisecond))
	if (cause != r.Name || object != r.WantObject) && *keep != "" {
		file := filepath.Join(*keep, fmt.Sprintf("%s-%d.json", r.Name, number))
		if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
			t.Error(err)
		}
	}
	return nil
}

// first reads the first cause and its object.
func first(data []byte) (cause, object string, err error) {
	var d struct {
		Causes []struct {
			ID     string
			Object struct{ Kind, Namespace, Name string }
		}
	}
	if err := json.Unmarshal(data, &d); err != nil {
		return "", "", fmt.Errorf("read the answer: %w", err)
	}
	if len(d.Causes) == 0 {
		return "(none)", "", nil
	}
	o := d.Causes[0].Object
	object = o.Kind + " " + o.Namespace + "/" + o.Name
	if o.Namespace == "" {
		object = o.Kind + " " + o.Name
	}
	return d.Causes[0].ID, object, nil
}

func (b *bench) answer(r fault.Race, cause string, object bool, sent, failed int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.answers[r.Name] == nil {
		b.answers[r.Name] = map[string]int{}
	}
	b.answers[r.Name][cause]++
	if object && cause == r.Name {
		b.objects[r.Name]++
	}
	b.sent[r.Name] += sent
	b.failed[r.Name] += failed
}

func (b *bench) target(ctx context.Context, r fault.Race) (load.Target, error) {
	for _, g := range manifest.Gateways() {
		if g.Name == r.Gateway {
			address, err := b.Client.Address(ctx, g)
			return load.Target{Name: g.Name, Address: address, Host: r.Route}, err
		}
	}
	return load.Target{}, fmt.Errorf("no gateway %q", r.Gateway)
}

// settled waits until the route answers well for a second.
func (b *bench) settled(ctx context.Context, r fault.Race) error {
	to, err := b.target(ctx, r)
	if err != nil {
		return err
	}
	for {
		run, err := load.Start(ctx, b.Cluster.DialContext, []load.Target{to}, load.Limits{Rate: 20, Count: 20, Duration: time.Second, Timeout: 5 * time.Second})
		if err != nil {
			return err
		}
		if rep := run.Wait()[0]; rep.Errors() == 0 && rep.Status[200] > 0 {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("the route does not come back: %w", context.Cause(ctx))
		}
	}
}

// drive sends the traffic of a race until stop is called, which says how many were sent and failed. Bursts are
// POST requests: a proxy that may not repeat them shows what happened to them.
func (b *bench) drive(ctx context.Context, t *testing.T, r fault.Race) (stop func() (sent, failed int)) {
	to, err := b.target(ctx, r)
	if err != nil {
		t.Error(err)
		return func() (int, int) { return 0, 0 }
	}
	ctx, cancel := context.WithCancel(ctx)
	sent, failed := 0, 0
	var done sync.WaitGroup
	done.Go(func() {
		for ctx.Err() == nil {
			limits := load.Limits{Rate: 20, Count: 20 * 120, Duration: 2 * time.Minute, Timeout: 10 * time.Second}
			if r.Paused {
				to.Method, limits.Count = "POST", 10
			}
			run, err := load.Start(ctx, b.Cluster.DialContext, []load.Target{to}, limits)
			if err != nil {
				t.Error(err)
				return
			}
			rep := run.Wait()[0]
			sent, failed = sent+rep.Done(), failed+rep.Errors()
			if r.Paused {
				rest := time.NewTimer(900*time.Millisecond + time.Duration(rand.IntN(700))*time.Millisecond)
				select {
				case <-ctx.Done():
				case <-rest.C:
				}
				rest.Stop()
			}
		}
	})
	return func() (int, int) {
		cancel()
		done.Wait()
		return sent, failed
	}
}

// table shows what was taken for what.
func (b *bench) table() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out strings.Builder
	out.WriteString("| race | runs | named right | with its object | taken for | requests failed |\n|---|---|---|---|---|---|\n")
	for _, race := range slices.Sorted(maps.Keys(b.answers)) {
		runs, others := 0, []string{}
		for _, cause := range slices.Sorted(maps.Keys(b.answers[race])) {
			runs += b.answers[race][cause]
			if cause != race {
				others = append(others, fmt.Sprintf("%s %d", cause, b.answers[race][cause]))
			}
		}
		fmt.Fprintf(&out, "| %s | %d | %d | %d | %s | %d of %d |\n", race, runs, b.answers[race][race], b.objects[race], strings.Join(others, ", "), b.failed[race], b.sent[race])
	}
	return out.String()
}
