package detect

import (
	"hash/maphash"
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// Bounds of a [Joiner].
const (
	// joinHeld is how many requests, and how many error lines, wait at the same time.
	joinHeld = 4096
	// joinLate is how long a request waits for error lines that come after its own line.
	joinLate = joinSlack
	// joinEarly is how long an error line waits for its request, which goes on with other tries.
	joinEarly = 5 * time.Minute
)

// Joiner gives each failed request of a stream the reason that the error log has for it, in whatever order the two lines
// come, and within bounded memory. Error lines that tell of a request are not handed over beside it; those whose request is not there
// (because access lines are off or were cut away) are, one for each request as far as they can be told apart.
type Joiner struct {
	// OwnHosts is set if a request keeps the host that its own line has, even none, though an error line names one.
	OwnHosts bool

	emit     func(*model.Signal)
	requests waiting
	errors   waiting
	newest   time.Time
	signal   model.Signal    // that is handed over; here it needs no memory of its own
	tries    []string        // of it, or of one that waits
	lone     map[uint64]held // the last error line of each key that had no request
	seed     maphash.Seed
}

// NewJoiner returns a Joiner that hands over each request, and each error line without one, when nothing
// more can come for it. What emit is given holds until it returns.
func NewJoiner(emit func(*model.Signal)) *Joiner {
	return &Joiner{emit: emit, requests: newWaiting(), errors: newWaiting(), lone: map[uint64]held{}, seed: maphash.MakeSeed()}
}

// hashed hashes what nearly always tells keys apart; those that are found are compared in full.
func (j *Joiner) hashed(key joinKey) hashedKey {
	hash := maphash.String(j.seed, key.path) + 3*maphash.String(j.seed, key.client) + 5*maphash.String(j.seed, key.gateway.Name)
	return hashedKey{key, hash}
}

// Add takes in one signal, and may write to it.
func (j *Joiner) Add(s *model.Signal) {
	if s.At.After(j.newest) {
		j.newest = s.At
	}
	j.release(false)
	switch {
	case s.ErrorLog:
		j.addError(s)
	case s.Failed() || s.Status >= 400 || len(s.Tries) > 1:
		j.addRequest(s)
	default:
		j.emit(s)
	}
}

func (j *Joiner) addError(e *model.Signal) {
	if key := j.hashed(keyOf(e)); !j.explainWaiting(e, &key) {
		j.errors.push(e, &key)
	}
}

func (j *Joiner) addRequest(s *model.Signal) {
	key := j.hashed(keyOf(s))
	j.tries = appendFailedTries(j.tries[:0], s)
	j.takeErrors(s, &key)
	if s.Failed() && s.Reason == "" {
		key := j.hashed(anonymous(s))
		j.takeErrors(s, &key)
	}
	if len(j.tries) == 0 && s.Reason != "" {
		j.emit(s)
		return
	}
	j.requests.push(s, &key)
}

// Flush hands over all that waits.
func (j *Joiner) Flush() { j.release(true) }

// takeErrors explains a request by error lines that came before it.
func (j *Joiner) takeErrors(s *model.Signal, key *hashedKey) {
	j.errors.each(key, func(h *held) bool {
		if explains(&h.signal, s, &j.tries) {
			j.adopt(s, &h.signal)
			h.done = true
		}
		return len(j.tries) > 0
	})
}

// explainWaiting gives an error line to the request that it belongs to, if that came first.
func (j *Joiner) explainWaiting(e *model.Signal, key *hashedKey) (taken bool) {
	j.requests.each(key, func(h *held) bool {
		j.tries = appendFailedTries(j.tries[:0], &h.signal)
		if taken = (h.signal.Reason == "" || !h.signal.Failed()) && explains(e, &h.signal, &j.tries); taken {
			j.adopt(&h.signal, e)
		}
		return !taken
	})
	if taken || key.joinKey != (joinKey{gateway: e.Gateway}) {
		return taken
	}
	j.requests.all(func(h *held) bool {
		if !h.signal.Failed() || h.signal.Reason != "" {
			return true
		}
		j.tries = appendFailedTries(j.tries[:0], &h.signal)
		if taken = explains(e, &h.signal, &j.tries); taken {
			j.adopt(&h.signal, e)
		}
		return !taken
	})
	return taken
}

// explains reports whether an error line is about one of the tries of a request, which it takes off.
func explains(e, s *model.Signal, tries *[]string) bool {
	if !within(s, e) || e.Status != 0 && e.Status != s.Status || s.Failure == model.NoEndpoints && len(s.Tries) == 0 && len(e.Tries) > 0 {
		return false // the last: nobody was asked
	}
	t := slices.IndexFunc(*tries, func(address string) bool { return matches(address, e) })
	if t < 0 {
		return false
	}
	*tries = slices.Delete(*tries, t, t+1)
	return true
}

// adopt notes in a request what an error line says of it.
func (j *Joiner) adopt(s, e *model.Signal) {
	if s.Request.Host == "" && !j.OwnHosts {
		s.Request.Host = e.Request.Host
	}
	if s.Failed() {
		s.Failure, s.Reason = e.Failure, e.Reason
	}
	if s.Raw != "" && e.Raw != "" {
		s.Raw += "\n" + e.Raw
	}
}

// release hands over what waited long enough, or everything.
func (j *Joiner) release(everything bool) {
	for {
		h := j.requests.oldest()
		if h == nil || !everything && j.requests.n < joinHeld && j.newest.Sub(h.signal.At) <= joinLate {
			break
		}
		j.signal = h.signal
		j.requests.pop()
		j.emit(&j.signal)
	}
	for {
		h := j.errors.oldest()
		if h == nil || !h.done && !everything && j.errors.n < joinHeld && j.newest.Sub(h.signal.At) <= joinEarly {
			break
		}
		if h.done || j.another(h) {
			j.errors.pop()
			continue
		}
		j.signal = h.signal
		j.errors.pop()
		j.emit(&j.signal)
	}
}

// another reports whether an error line that had no request is about another try of one that was handed over.
func (j *Joiner) another(line *held) bool {
	before, ok := j.lone[line.hash]
	if len(j.lone) >= joinHeld {
		clear(j.lone)
	}
	j.lone[line.hash] = *line
	return ok && before.joinKey == line.joinKey && line.signal.At.Sub(before.signal.At).Abs() <= joinSlack && !sameAddress(&line.signal, &before.signal)
}

// waiting is a queue in which signals can be found by key. It looks for them by a hash, since a key has seven strings.
type waiting struct {
	ring  []held
	first int // in ring
	n     int
	last  map[uint64]int // the newest with each hash, in ring
}

// held is a signal that waits.
type held struct {
	signal model.Signal
	hashedKey
	before int // the one before with the same hash, in ring; -1: none
	done   bool
}

// hashedKey is a key whose hash is known.
type hashedKey struct {
	joinKey
	hash uint64
}

func newWaiting() waiting { return waiting{last: map[uint64]int{}} }

func (w *waiting) push(s *model.Signal, key *hashedKey) {
	if w.n == len(w.ring) {
		w.grow()
	}
	at := (w.first + w.n) % len(w.ring)
	before, ok := w.last[key.hash]
	if !ok {
		before = -1
	}
	h := &w.ring[at]
	h.signal, h.hashedKey, h.before, h.done = *s, *key, before, false
	w.last[key.hash] = at
	w.n++
}

// grow doubles the ring. The queue begins at its start again, so places move.
func (w *waiting) grow() {
	kept := make([]held, 0, w.n)
	w.all(func(h *held) bool { kept = append(kept, *h); return true })
	w.ring, w.first, w.n = make([]held, max(16, 2*len(w.ring))), 0, 0
	clear(w.last)
	for i := range kept {
		h := &kept[i]
		w.push(&h.signal, &h.hashedKey)
		w.ring[w.n-1].done = h.done
	}
}

// each calls do for those with a key that are not done, the newest first, while it returns true. What
// comes before a place in the queue has left it if it does not stand nearer to its head.
func (w *waiting) each(key *hashedKey, do func(*held) bool) {
	at, ok := w.last[key.hash]
	for nearest := w.n; ok && at >= 0; at = w.ring[at].before {
		age := (at - w.first + len(w.ring)) % len(w.ring)
		if age >= nearest {
			return
		}
		nearest = age
		if h := &w.ring[at]; !h.done && h.joinKey == key.joinKey && !do(h) {
			return
		}
	}
}

// all calls do for all, the oldest first, while it returns true.
func (w *waiting) all(do func(*held) bool) {
	for i := range w.n {
		if !do(&w.ring[(w.first+i)%len(w.ring)]) {
			return
		}
	}
}

// oldest is the first of the queue; nil if it is empty.
func (w *waiting) oldest() *held {
	if w.n == 0 {
		return nil
	}
	return &w.ring[w.first]
}

func (w *waiting) pop() {
	h := &w.ring[w.first]
	if w.last[h.hash] == w.first {
		delete(w.last, h.hash)
	}
	*h = held{before: -1}
	w.first = (w.first + 1) % len(w.ring)
	w.n--
}
