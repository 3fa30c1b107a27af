//go:build integration

package controller_test

import (
	"testing"
	"time"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/controller"
)

// A clock that is set forward or back by an hour, before a repair and in the middle of one, loses no incident and makes no
// change twice. The clock is the one by which everything is judged and recorded, and by which the gateway stamps requests;
// that of leases and timers runs on, as it does in a machine whose clock is set.
func TestTheClockIsSet(t *testing.T) {
	for _, step := range []time.Duration{time.Hour, -time.Hour} {
		t.Run(step.String(), func(t *testing.T) {
			w := newWorld(t)
			if err := clientFor(t, w.api.Admin).Create(t.Context(), allAuto("all")); err != nil {
				t.Fatal(err)
			}
			p := w.start("a", controller.Auto, nil)
			mended := func(changes, incidents int) {
				t.Helper()
				await(t, "the incident is resolved", func() (bool, string) {
					all := w.incidents()
					if len(all) < incidents {
						return false, "no incident"
					}
					last := all[len(all)-1]
					return last.Status.Phase == v1alpha1.PhaseResolved, told(last)
				})
				if w.port() != goodPort || len(p.changes()) != changes || len(w.incidents()) != incidents {
					t.Errorf("port %d after %d changes of %d incidents, want %d of %d", w.port(), len(p.changes()), len(w.incidents()), changes, incidents)
				}
			}
			w.setPort(badPort)
			await(t, "a repair is under way", func() (bool, string) {
				all := w.incidents()
				return len(all) == 1 && len(all[0].Status.Journal) > 0, "none"
			})
			w.clock.Add(int64(step)) // in the middle of a repair
			mended(1, 1)

			w.clock.Add(int64(-step)) // while nothing fails
			w.setPort(badPort)
			mended(2, 2)
		})
	}
}
