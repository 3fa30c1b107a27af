package feed

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/model"
)

func TestOfferWaitsAndThenCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := New("x", 1)
		if !f.Offer(t.Context(), model.Signal{Status: 1}, 0) || f.Offer(t.Context(), model.Signal{Status: 2}, 0) {
			t.Fatal("the first fits, the second does not")
		}
		began := time.Now()
		if f.Offer(t.Context(), model.Signal{Status: 3}, time.Second) || time.Since(began) != time.Second {
			t.Errorf("waited %v for room that did not come", time.Since(began))
		}
		go func() {
			time.Sleep(time.Second)
			<-f.Signals()
		}()
		if !f.Offer(t.Context(), model.Signal{Status: 4}, time.Minute) {
			t.Error("there was room in time")
		}
		if got := <-f.Signals(); got.Status != 4 || f.Dropped() != 2 {
			t.Errorf("got %d, dropped %d", got.Status, f.Dropped())
		}
		want := []string{"2 signals of x were lost: they came faster than they could be counted"}
		if got := append(f.Notices(), f.Notices()...); !cmp.Equal(got, want) {
			t.Errorf("told %q, want %q once", got, want)
		}
	})
}

func TestSendLosesNothing(t *testing.T) {
	f := New("x", 0)
	go func() {
		defer f.Close()
		for i := range 100 {
			f.Send(t.Context(), model.Signal{Status: i})
		}
	}()
	n := 0
	for s := range f.Signals() {
		if s.Status != n {
			t.Fatalf("got %d, want %d", s.Status, n)
		}
		n++
	}
	if n != 100 || f.Dropped() != 0 {
		t.Errorf("got %d, dropped %d", n, f.Dropped())
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if New("x", 0).Send(ctx, model.Signal{}) {
		t.Error("sent to nobody")
	}
}

func TestNotesAndNotices(t *testing.T) {
	f := New("x", 0)
	f.Note("b", "gone")
	f.Note("a", "forbidden")
	f.Note("c", "x")
	f.Note("c", "")
	if d := cmp.Diff([]model.Unseen{{What: "a", Why: "forbidden"}, {What: "b", Why: "gone"}}, f.Unseen()); d != "" {
		t.Error(d)
	}
	for range 2 * mostNotices {
		f.Tell("lost")
	}
	if got := len(f.Notices()); got != mostNotices || len(f.Notices()) != 0 {
		t.Errorf("%d notices", got)
	}
}
