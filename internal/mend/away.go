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
