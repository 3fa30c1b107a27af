package cli

import (
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// heardFor is how long a gateway that a further source speaks of is not counted by its log through the API too.
const heardFor = 10 * time.Second

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
