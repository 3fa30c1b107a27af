package admit

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"time"
)

// renewal is the age from which a connection ends whose sender showed a certificate; 0: none does.
func (r Rules) renewal() time.Duration {
	if !r.certified() {
		return 0
	}
	return cmp.Or(r.Renew, renewEvery)
}

// connected is the key of the time at which a request's connection was made.
type connected struct{}

// HTTP has a server end connections that are to be renewed, as [Rules.GRPC] does: with the answer to the first request after their
// time, so that nothing is lost. One that is idle then ends by the server's own limit.
func (r Rules) HTTP(s *http.Server, now func() time.Time) {
	age := r.renewal()
	if age == 0 {
		return
	}
	s.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, connected{}, now())
	}
	next := s.Handler
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if since, ok := q.Context().Value(connected{}).(time.Time); ok && now().Sub(since) >= age {
			w.Header().Set("Connection", "close") // over HTTP/2 the server says goodbye
		}
		next.ServeHTTP(w, q)
	})
}
