package detect

import (
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// joinSlack is how far the stamps of an access line and its error lines may lie apart beyond the
// request's duration: error logs have whole seconds, and lines are buffered.
const joinSlack = 2 * time.Second

// joinKey is what an error line and its access line have in common. There is no request id in
// nginx's error log.
type joinKey struct {
	gateway              model.Ref
	client, method, path string
}

// Join gives each failed request the reason that the error log has for it, and drops those error lines. A
// failure without a line of its own (logs are rate-limited and cut) is taken for the same as the others with
// the same status of the same Service and address, if all of those agree.
// Error lines without a request (because access lines are off or were cut away) remain, one for each
// request as far as they can be told apart. The order is kept; signals is not changed.
func Join(signals []model.Signal) []model.Signal {
	index := indexErrors(signals)
	if len(index) == 0 {
		return slices.Clone(signals)
	}
	used := make([]bool, len(signals))
	joined := make([]model.Signal, 0, len(signals))
	for _, s := range signals {
		if !s.ErrorLog && (s.Failed() || len(s.Tries) > 1) {
			s = explain(s, signals, index[keyOf(s)], used)
			if s.Failed() && s.Reason == "" {
				s = explain(s, signals, index[anonymous(s)], used)
			}
		}
		joined = append(joined, s)
	}
	generalise(joined)
	rest := joined[:0]
	for i, s := range joined {
		if !s.ErrorLog || !used[i] && !repeats(i, signals, index[keyOf(s)], used) {
			rest = append(rest, s)
		}
	}
	return rest
}

func keyOf(s model.Signal) joinKey {
	return joinKey{s.Gateway, s.Client, s.Request.Method, s.Request.Path}
}

// anonymous is the key of Traefik's error lines, which name neither client nor request.
func anonymous(s model.Signal) joinKey { return joinKey{gateway: s.Gateway} }

func indexErrors(signals []model.Signal) map[joinKey][]int {
	index := map[joinKey][]int{}
	for i, s := range signals {
		if s.ErrorLog && s.Failure != model.NoFailure {
			index[keyOf(s)] = append(index[keyOf(s)], i)
		}
	}
	return index
}

// explain takes the error lines of one request, one for each try that failed, the last one's reason being
// the one that the client saw.
func explain(s model.Signal, signals []model.Signal, errors []int, used []bool) model.Signal {
	tries := failedTries(s)
	for _, i := range errors {
		e := signals[i]
		if used[i] || !within(&s, &e) || e.Status != 0 && e.Status != s.Status {
			continue
		}
		t := slices.IndexFunc(tries, func(address string) bool { return matches(address, e) })
		if t < 0 {
			continue
		}
		tries = slices.Delete(tries, t, t+1)
		used[i] = true
		if s.Request.Host == "" {
			s.Request.Host = e.Request.Host
		}
		if s.Failed() {
			s.Failure, s.Reason = e.Failure, e.Reason
		}
	}
	return s
}

func failedTries(s model.Signal) []string { return appendFailedTries(nil, s) }

// appendFailedTries appends the addresses of the tries that may have an error line: one without address if the
// access line has no tries.
func appendFailedTries(addresses []string, s model.Signal) []string {
	if len(s.Tries) == 0 {
		return append(addresses, "")
	}
	for _, t := range s.Tries {
		if t.Status == 0 || t.Status >= 500 {
			addresses = append(addresses, t.Address)
		}
	}
	return addresses
}

// matches reports whether an error line complains of an address, as far as both say so.
func matches(address string, e model.Signal) bool {
	return address == "" || len(e.Tries) == 0 || e.Tries[0].Address == address
}

// within reports whether an error line may be about a request: at its time, and of its host, as far as both say so.
func within(access, e *model.Signal) bool {
	if a, b := access.Request.Host, e.Request.Host; a != "" && b != "" && !strings.EqualFold(a, b) {
		return false
	}
	return !e.At.Before(access.At.Add(-access.Duration-joinSlack)) &&
		!e.At.After(access.At.Add(access.Duration+joinSlack))
}

// repeats reports whether an error line without access line belongs to the same request as an
// earlier such line: same client and path, another try within the slack.
func repeats(i int, signals []model.Signal, errors []int, used []bool) bool {
	for _, j := range errors {
		if j >= i {
			return false
		}
		if !used[j] && signals[i].At.Sub(signals[j].At).Abs() <= joinSlack && !sameAddress(signals[i], signals[j]) {
			return true
		}
	}
	return false
}

func sameAddress(a, b model.Signal) bool {
	return len(a.Tries) > 0 && len(b.Tries) > 0 && a.Tries[0].Address == b.Tries[0].Address
}
