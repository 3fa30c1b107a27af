package detect

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// Kind is what an alarm is about.
type Kind uint8

// The kinds of alarms.
const (
	NoKind   Kind = iota
	Outage        // every request fails
	Partial       // a share of the requests fails
	SlowBurn      // a small share has been failing for long enough to use up the error budget
	Vanished      // no request comes any more where there was steady traffic
	kinds         // how many there are
)

func (k Kind) String() string {
	names := [kinds]string{"", "outage", "partial", "slow-burn", "vanished"}
	if k >= kinds {
		return fmt.Sprintf("kind %d", uint8(k))
	}
	return names[k]
}

// MarshalText writes the kind's name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads the kind's name.
func (k *Kind) UnmarshalText(text []byte) error {
	for i := range kinds {
		if i.String() == string(text) {
			*k = i
			return nil
		}
	}
	return fmt.Errorf("unknown kind of alarm %q", text)
}

// Alarm says that a route is failing, or that it no longer is.
type Alarm struct {
	Route  string    `json:"route"`
	Object model.Ref `json:"object"`
	Kind   Kind      `json:"kind"`
	// From is the time of the first error, as the gateway stamped it. A slow burn has no such moment: it is the beginning
	// of the time that was looked at. Of vanished traffic it is the last request.
	From time.Time `json:"from"`
	// Opened is the tick at which the alarm was first reported.
	Opened time.Time `json:"opened"`
	// To is the time of the last error so far, as the gateway stamped it: some stamp a request with its
	// beginning, which is long ago where a limit of time ended it.
	To time.Time `json:"to"`
	// Heard is when the last error so far was heard of.
	Heard time.Time `json:"heard"`
	// Requests and Errors count since From.
	Requests int `json:"requests"`
	Errors   int `json:"errors"`
	// Worse is set where an open alarm is reported again because by now every request fails.
	Worse bool `json:"worse,omitempty"`
	Ended bool `json:"ended,omitempty"`
	// Quiet is set on an ended alarm if no more requests came: nobody knows whether it works again.
	Quiet bool `json:"quiet,omitempty"`
	// Blip is set on an ended alarm whose errors all came within a few seconds, as those of a
	// rollout do: trouble, but none that lasted.
	Blip bool `json:"blip,omitempty"`
}

// blip is the longest time from the first to the last error that passes for a blip: endpoints that
// leave are known to all proxies of a cluster within seconds.
const blip = 10 * time.Second

func order(alarms []Alarm) {
	slices.SortFunc(alarms, func(a, b Alarm) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Route, b.Route))
	})
}
