package load

import (
	"maps"
	"slices"
	"time"
)

// Report is what happened to one target's requests so far. Every request that was sent and has ended is in
// exactly one of Status and Transport.
type Report struct {
	Target    Target
	Sent      int            // requests started
	Skipped   int            // requests due but not started, because too many were waiting for an answer
	Status    map[int]int    // answers by status
	Transport map[string]int // requests without an answer, by what went wrong
	Seconds   []Second       // by the second in which the answer came, without gaps from first to last
	// FirstError and LastError are when a 5xx or a transport error came; zero when there was none.
	FirstError, LastError time.Time
	// LastGood is when the last answer below 500 came; zero when there was none.
	LastGood time.Time
}

// Second counts the answers of one second.
type Second struct {
	At        time.Time // its beginning
	Status    map[int]int
	Transport int
}

// empty is the report of a target to which nothing was sent.
func empty(t Target) Report {
	return Report{Target: t, Status: map[int]int{}, Transport: map[string]int{}}
}

// Done is the number of requests that have ended.
func (r Report) Done() int {
	n := 0
	for _, c := range r.Status {
		n += c
	}
	for _, c := range r.Transport {
		n += c
	}
	return n
}

// Errors is the number of answers of 500 and above and of requests without an answer.
func (r Report) Errors() int {
	n := 0
	for status, c := range r.Status {
		if status >= 500 {
			n += c
		}
	}
	for _, c := range r.Transport {
		n += c
	}
	return n
}

// Since counts only the whole seconds that begin at or after t.
func (r Report) Since(t time.Time) (requests, errors int) {
	for _, s := range r.Seconds {
		if s.At.Before(t) {
			continue
		}
		requests += s.Transport
		errors += s.Transport
		for status, n := range s.Status {
			requests += n
			if status >= 500 {
				errors += n
			}
		}
	}
	return requests, errors
}

func (r *Report) add(at time.Time, status int, fault string) {
	i := r.second(at.Truncate(time.Second))
	if fault != "" {
		r.Transport[fault]++
		r.Seconds[i].Transport++
	} else {
		r.Status[status]++
		r.Seconds[i].Status[status]++
	}
	if fault == "" && status < 500 {
		r.LastGood = at
		return
	}
	if r.FirstError.IsZero() {
		r.FirstError = at
	}
	r.LastError = at
}

// second finds the entry of a second and makes those in between.
func (r *Report) second(at time.Time) int {
	if len(r.Seconds) == 0 {
		r.Seconds = append(r.Seconds, Second{At: at, Status: map[int]int{}})
	}
	for last := r.Seconds[len(r.Seconds)-1].At; last.Before(at); last = r.Seconds[len(r.Seconds)-1].At {
		r.Seconds = append(r.Seconds, Second{At: last.Add(time.Second), Status: map[int]int{}})
	}
	// A clock that was set back must not lose a count: it goes to the earliest second there is.
	return max(0, int(at.Sub(r.Seconds[0].At)/time.Second))
}

func (r *Report) copy() Report {
	out := *r
	out.Status, out.Transport = maps.Clone(r.Status), maps.Clone(r.Transport)
	out.Seconds = slices.Clone(r.Seconds)
	for i, s := range out.Seconds {
		out.Seconds[i].Status = maps.Clone(s.Status)
	}
	return out
}
