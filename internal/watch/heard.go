package watch

import (
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// heardFor is how long a gateway that a further source speaks of is not counted by its log through the API too.
const heardFor = 10 * time.Second

// A gateway's log tells of a probe at most so much later, or with a time so different: Envoy writes every 10
// seconds, and some formats have whole seconds.
const askedFor = 15 * time.Second

// mostAsked is how many probes are remembered.
const mostAsked = 1024

// heard keeps a request from being counted twice, where a gateway is heard in more than one way: by the
// further source that spoke of it first, and not by its log through the API.
type heard map[model.Ref]hearing

type hearing struct {
	way string
	at  time.Time
}

// way tells apart how a signal of a further source came: als/..., otlp/..., or a file.
func way(sig model.Signal) string {
	first, _, _ := strings.Cut(sig.Source, "/")
	switch first {
	case "als", "otlp", "probe":
		return first
	default:
		return "file"
	}
}

// counts reports whether a signal is to be counted. further is set for those of further sources. Signals of
// gateways that are not known are all counted.
func (h heard) counts(sig model.Signal, further bool, now time.Time) bool {
	if sig.Gateway.IsZero() || way(sig) == "probe" {
		return true
	}
	known, ok := h[sig.Gateway]
	fresh := ok && now.Sub(known.at) < heardFor
	switch {
	case !further && !fresh:
		return true
	case !further:
		return sig.ErrorLog && known.way != "file" // which tell reasons, and have no error log themselves
	case fresh && known.way != way(sig):
		return false
	}
	h[sig.Gateway] = hearing{way(sig), now}
	return true
}

// asked are the probes that a gateway answered, oldest first, until its log tells of the same requests.
type asked []model.Signal

// add remembers a probe. One without an answer is left out: no log has it as a failure.
func (a *asked) add(sig model.Signal) {
	*a = slices.DeleteFunc(*a, func(old model.Signal) bool { return sig.At.Sub(old.At) > askedFor })
	if sig.Status != 0 && len(*a) < mostAsked {
		*a = append(*a, sig)
	}
}

// twin reports whether a log tells of a request of which a probe told before, and forgets that probe. Not every
// format has the host.
func (a *asked) twin(sig model.Signal) bool {
	i := slices.IndexFunc(*a, func(p model.Signal) bool {
		return p.Request.Path == sig.Request.Path && p.Status == sig.Status && p.At.Sub(sig.At).Abs() < askedFor &&
			(sig.Request.Host == "" || strings.EqualFold(p.Request.Host, sig.Request.Host))
	})
	if i >= 0 {
		*a = slices.Delete(*a, i, i+1)
	}
	return i >= 0
}

// takeFurther counts a signal of a further source.
func (w *Watcher) takeFurther(sig model.Signal) {
	if !w.heard.counts(sig, true, w.Session.Now()) {
		return
	}
	if way(sig) == "probe" {
		w.asked.add(sig)
	}
	w.take(sig)
}
