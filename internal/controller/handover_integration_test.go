//go:build integration

package controller_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/controller"
)

// A leader that is killed at any step of a repair is followed by another one that ends the repair: nothing is done
// twice, and nothing is forgotten. Killed means that no call of it comes through any more, and that it does not learn
// what became of its last one.
func TestALeaderIsKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	// wrote reports whether a call records an event in an incident's journal as the last one.
	wrote := func(c call, kind string) bool {
		if c.method != http.MethodPut || !strings.HasSuffix(c.path, "/status") || !strings.Contains(c.path, "/incidents/") {
			return false
		}
		var i v1alpha1.Incident
		if err := json.Unmarshal([]byte(c.body), &i); err != nil {
			return false
		}
		n := len(i.Status.Journal)
		return n > 0 && i.Status.Journal[n-1].Kind == kind
	}
	patched := func(c call) bool {
		return c.method == http.MethodPatch && strings.Contains(c.path, "/services/") && !strings.Contains(c.query, "dryRun")
	}
	type step struct {
		name string
		kill func(c call, answered bool) bool
	}
	for part, steps := range map[string][]step{ // side by side, since each step waits for a lease to end
		"until the change is announced": {
			{"planned", func(c call, answered bool) bool { return answered && wrote(c, "planned") }},
			{"rehearsed", func(c call, answered bool) bool { return answered && wrote(c, "rehearsed") }},
			{"answered", func(c call, answered bool) bool { return answered && wrote(c, "answered") }},
			{"before it announces", func(c call, answered bool) bool { return !answered && wrote(c, "applying") }},
			{"announced", func(c call, answered bool) bool { return answered && wrote(c, "applying") }},
		},
		"from the change on": {
			{"before it changes", func(c call, answered bool) bool { return !answered && patched(c) }},
			{"changed, and does not know", func(c call, answered bool) bool { return answered && patched(c) }},
			{"applied", func(c call, answered bool) bool { return answered && wrote(c, "applied") }},
			{"waited", func(c call, answered bool) bool { return answered && wrote(c, "waited") }},
			{"judged", func(c call, answered bool) bool { return answered && wrote(c, "judged") }},
		},
	} {
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if err := clientFor(t, w.api.Admin).Create(t.Context(), allAuto("all")); err != nil {
				t.Fatal(err)
			}
			for _, tc := range steps {
				t.Run(tc.name, func(t *testing.T) {
					w.t = t
					killed := false
					a := w.start("a-"+strings.ReplaceAll(tc.name, " ", "-"), controller.Auto, func(c call, answered bool) bool {
						killed = killed || tc.kill(c, answered)
						return killed
					})
					w.setPort(badPort)
					await(t, "the leader is killed", func() (bool, string) {
						a.mu.Lock()
						dead := a.dead
						a.mu.Unlock()
						if all := w.incidents(); !dead && len(all) > 0 {
							return false, told(all[len(all)-1])
						}
						return dead, "no incident"
					})
					b := w.start("b-"+strings.ReplaceAll(tc.name, " ", "-"), controller.Auto, nil)
					i := w.awaitPhase(v1alpha1.PhaseResolved)
					if n := len(a.changes()) + len(b.changes()); n != 1 || w.port() != goodPort {
						t.Errorf("%d changes, want 1, and port %d\n%s", n, w.port(), told(i))
					}
					if n := len(w.incidents()); n != 1 {
						t.Errorf("%d incidents, want 1", n)
					}
					a.end()
					b.end()
					for _, i := range w.incidents() { // so many changes at once are more than plans may make
						if err := w.admin.Delete(t.Context(), &i); err != nil {
							t.Fatal(err)
						}
					}
				})
			}
		})
	}
}
