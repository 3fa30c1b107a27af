package detect

import "github.com/gatemend/gatemend/internal/model"

// sameFailure is what failures with the same cause have in common in an access log.
type sameFailure struct {
	proxy, namespace, service, port string
	status                          int
	address                         string // of a try that failed
}

func sameAs(s model.Signal, address string) sameFailure {
	return sameFailure{s.Proxy, s.RouteNamespace, s.Service, s.ServicePort, s.Status, address}
}

// known is what is known of the same failures.
type known struct {
	failure model.FailureKind
	reason  string
	mixed   bool
}

// generalise fills in the reason of failures that have none from those that have one.
func generalise(signals []model.Signal) {
	seen := reasons(signals)
	for i, s := range signals {
		// What the access line itself proves is not overruled.
		proven := s.Failure == model.UpstreamStatus || s.Failure == model.NoEndpoints
		if s.ErrorLog || s.Status < 500 || s.Reason != "" || s.Service == "" || proven {
			continue
		}
		for _, address := range failedTries(s) {
			if k, ok := seen[sameAs(s, address)]; ok && !k.mixed {
				signals[i].Failure, signals[i].Reason = k.failure, k.reason
				break
			}
		}
	}
}

// reasons collects what is known of each kind of failure.
func reasons(signals []model.Signal) map[sameFailure]known {
	seen := map[sameFailure]known{}
	for _, s := range signals {
		if s.ErrorLog || s.Status < 500 || s.Reason == "" {
			continue
		}
		for _, address := range failedTries(s) {
			k, ok := seen[sameAs(s, address)]
			if !ok {
				k = known{failure: s.Failure, reason: s.Reason}
			}
			k.mixed = k.mixed || k.failure != s.Failure
			seen[sameAs(s, address)] = k
		}
	}
	return seen
}
