package tally

import (
	"slices"

	"github.com/gatemend/gatemend/internal/detect"
	"github.com/gatemend/gatemend/internal/model"
)

// apart are lines of logs that hold errors alone: each may be about a request of any log in the same folder. The zero value has none.
type apart struct {
	lines  []model.Signal // by time, that no request has taken
	folder string         // of the present log
	asked  bool           // a log of requests in it was read
	joiner *detect.Joiner // of the present log's requests and lines; nil: no line was offered to it yet
	next   int            // of lines, that the joiner has not seen
	left   []model.Signal // that the joiner gave back
}

// begin goes over to a log in a folder. What was offered to the logs of another one without finding its request never will.
func (a *apart) begin(folder string, settle func(*model.Signal)) {
	if folder != a.folder && a.asked {
		a.over(settle)
	}
	if folder != a.folder {
		a.folder, a.asked = folder, false
	}
}

// explain hands over what the present log says of a request by itself, with what the lines say of it. An error that has no request
// in its own log is no other log's.
func (a *apart) explain(s *model.Signal, settle func(*model.Signal)) {
	if s.ErrorLog || len(a.lines) == 0 {
		settle(s)
		return
	}
	if a.joiner == nil {
		a.joiner, a.next, a.left = newJoiner(func(s *model.Signal) {
			if s.ErrorLog {
				a.left = append(a.left, *s)
			} else {
				settle(s)
			}
		}), 0, nil
	}
	for a.next < len(a.lines) && !a.lines[a.next].At.After(s.At) {
		a.offer()
	}
	a.joiner.Add(s)
}

func (a *apart) offer() {
	a.joiner.Add(&a.lines[a.next])
	a.next++
}

// end ends the present log; errors are its lines if it had no request. What was not taken waits for the next log.
func (a *apart) end(requests bool, errors []model.Signal) {
	if a.joiner != nil {
		for a.next < len(a.lines) {
			a.offer()
		}
		a.joiner.Flush()
		a.lines, a.joiner, a.left = a.left, nil, nil
	}
	a.asked = a.asked || requests
	a.lines = append(a.lines, errors...)
	slices.SortStableFunc(a.lines, func(x, y model.Signal) int { return x.At.Compare(y.At) })
}

// over counts what is about no request that was logged, once for each as far as they can be told apart.
func (a *apart) over(settle func(*model.Signal)) {
	j := newJoiner(settle)
	for i := range a.lines {
		j.Add(&a.lines[i])
	}
	j.Flush()
	a.lines = nil
}
