package detect

import (
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

func keyOf(s *model.Signal) joinKey {
	return joinKey{s.Gateway, s.Client, s.Request.Method, s.Request.Path}
}

// anonymous is the key of Traefik's error lines, which name neither client nor request.
func anonymous(s *model.Signal) joinKey { return joinKey{gateway: s.Gateway} }

// appendFailedTries appends the addresses of the tries that may have an error line: one without address if the
// access line has no tries.
func appendFailedTries(addresses []string, s *model.Signal) []string {
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
func matches(address string, e *model.Signal) bool {
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

func sameAddress(a, b *model.Signal) bool {
	return len(a.Tries) > 0 && len(b.Tries) > 0 && a.Tries[0].Address == b.Tries[0].Address
}
