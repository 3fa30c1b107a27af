package watch

import (
	"context"
	"fmt"
	"sync"

	"github.com/gatemend/gatemend/internal/metrics"
	"github.com/gatemend/gatemend/internal/model"
)

// Source is one more way in which a watch hears of requests, beside the gateways' logs.
type Source struct {
	// Name is how people are told of it.
	Name string
	// Run listens until the context ends, which is no error, and hands on what it hears. It gives an
	// error only for what no waiting mends; a listener's first step is part of Run, too.
	Run func(ctx context.Context, to Ear) error
	// Unseen is what cannot be heard at present; nil if that cannot be.
	Unseen func() []model.Unseen
	// Read is how much was heard so far, and false before it began; nil if nobody counts.
	Read func() (metrics.Source, bool)
}

// ReadOf is how much logs and further sources were read so far, for the metrics of a watch.
func ReadOf(logs Live, all []Source) func() []metrics.Source {
	return func() []metrics.Source {
		out := logs.Read()
		for _, one := range all {
			if one.Read == nil {
				continue
			}
			if read, began := one.Read(); began {
				out = append(out, read)
			}
		}
		return out
	}
}

// Ear is where sources say what they hear. A source that is not taken from waits, or drops and counts; it
// never sends without listening to its context too.
type Ear struct {
	Signals chan<- model.Signal  // single requests
	Counts  chan<- []model.Count // how many requests there were, all of one look
	Notices chan<- model.Notice  // what others say
	// Accounts say what gateways answered that are heard in no other way.
	Accounts chan<- []model.Account
}

// sources are a watch's further sources at work.
type sources struct {
	all      []Source
	signals  chan model.Signal
	counts   chan []model.Count
	notices  chan model.Notice
	accounts chan []model.Account
	group    sync.WaitGroup
}

func newSources(all []Source) *sources {
	return &sources{
		all:     all,
		signals: make(chan model.Signal, queueLength), counts: make(chan []model.Count), notices: make(chan model.Notice, queueLength),
		accounts: make(chan []model.Account),
	}
}

// start runs all sources until the context ends. The first that gives up says so in failed.
func (s *sources) start(ctx context.Context, failed chan<- error) {
	to := Ear{Signals: s.signals, Counts: s.counts, Notices: s.notices, Accounts: s.accounts}
	for _, one := range s.all {
		s.group.Go(func() {
			err := one.Run(ctx, to)
			if err == nil || ctx.Err() != nil {
				return
			}
			select {
			case failed <- fmt.Errorf("%s: %w", one.Name, err):
			default: // another one failed before, which ends the watch as well
			}
		})
	}
}

// unseen is what the sources cannot hear.
func (s *sources) unseen() []model.Unseen {
	var all []model.Unseen
	for _, one := range s.all {
		if one.Unseen != nil {
			all = append(all, one.Unseen()...)
		}
	}
	return all
}
