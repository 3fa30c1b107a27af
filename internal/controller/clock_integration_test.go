//go:build integration

package controller_test

import (
	"testing"
	"time"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/controller"
)

// A clock that is set forward or back by an hour, before a repair and in the middle of one, keeps nothing from being mended,
// and no change is made twice or taken back for requests of the other clock. The clock is the one by which everything is judged and recorded, and by which the gateway stamps requests;
// that of leases and timers runs on, as it does in a machine whose clock is set.
func TestTheClockIsSet(t *testing.T) {
	t.Parallel()
	for _, step := range []time.Duration{time.Hour, -time.Hour} {
		t.Run(step.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if err := clientFor(t, w.api.Admin).Create(t.Context(), allAuto("all")); err != nil {
				t.Fatal(err)
			}
			p := w.start("a", controller.Auto, nil)
			mended := func(changes int) {
				t.Helper()
				await(t, "it is mended, and every incident is resolved", func() (bool, string) {
					all := w.incidents()
					for _, i := range all {
						if i.Status.Phase != v1alpha1.PhaseResolved {
							return false, told(i)
						}
					}
					return len(all) > 0 && w.port() == goodPort, "port or no incident"
				})
				if n := len(p.changes()); n != changes {
					t.Errorf("%d changes, want %d", n, changes)
				}
			}
			w.setPort(badPort)
			await(t, "a repair is under way", func() (bool, string) {
				all := w.incidents()
				return len(all) == 1 && len(all[0].Status.Journal) > 0, "none"
			})
			w.clock.Add(int64(step)) // in the middle of a repair
			mended(1)

			w.clock.Add(int64(-step)) // while nothing fails
			w.setPort(badPort)
			mended(2)
		})
	}
}
