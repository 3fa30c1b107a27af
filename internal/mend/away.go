package mend

import (
	"fmt"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// AwayError says that a repair was left in the middle because the API server has not answered for too long. The journal knows how
// far it came: running it again goes on from there.
type AwayError struct {
	For time.Duration
	// Left are the changes that take back what may still be in the cluster, in order.
	Left []model.Change
}

func (e *AwayError) Error() string {
	text := fmt.Sprintf("the API server has not answered for %s", e.For.Round(time.Second))
	if len(e.Left) > 0 {
		text += fmt.Sprintf(": what was changed of %s did not help and is not known to be taken back", e.Left[0].Target)
	}
	return text
}

// tooLong is the error of a wait in which the API server has not answered since a time; nil: waiting goes on.
func (r *run) tooLong(since time.Time) error {
	gone := r.Now().Sub(since)
	if r.options.Outage <= 0 || gone < r.options.Outage {
		return nil
	}
	var left []model.Change
	if r.state.Judgement != nil { // what helped is not looked for again
		left = r.state.Undo()[r.state.Undone:]
	}
	return &AwayError{For: gone, Left: left}
}

// silence keeps account of the times in which the API server cannot be seen.
type silence struct {
	now   bool
	times int
	since time.Time // when the present one began
}

// mostForgiven is how many silences have a limit of time begin anew, since watches and controllers need a while after one to
// catch up. In further ones it stands still: a server that comes and goes must not keep a change that does not help.
const mostForgiven = 3

// hear takes in whether the API server can be seen now, and tells of each silence once. The error is that of a silence that is too long.
func (r *run) hear(q *silence) error {
	why := r.Observer.Silent()
	if why != "" && !q.now {
		q.times++
		q.since = r.Now()
		if r.options.OnSilence != nil {
			r.options.OnSilence(why)
		}
	}
	if q.now = why != ""; q.now {
		return r.tooLong(q.since)
	}
	return nil
}

// forgiven reports whether a limit of time begins anew.
func (q silence) forgiven() bool { return q.now && q.times <= mostForgiven }

// wasAway reports whether the API server was away since the last change was made, or so shortly before it that gateways and
// controllers may not have caught up with it then. Of the time before this process began only its length is known: while the API
// server can be seen, something is recorded sooner.
func (r *run) wasAway() bool {
	back := r.Observer.Back()
	return r.absent == r.state.Plans || r.Observer.Silent() != "" || !back.IsZero() && back.Add(r.options.Verify.CatchUp).After(r.state.AppliedAt)
}
