package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatemend/gatemend/internal/cli"
	"github.com/gatemend/gatemend/internal/controller"
	"github.com/gatemend/gatemend/internal/metrics"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/notify"
	"github.com/gatemend/gatemend/internal/notify/channels"
	"github.com/gatemend/gatemend/internal/store"
	"github.com/gatemend/gatemend/internal/store/postgres"
	"github.com/gatemend/gatemend/internal/store/sqlite"
)

// oldNews is how long after its end nobody is told of an incident any more that nobody was told of before: a new leader
// finds incidents of days.
const oldNews = 10 * time.Minute

// lastWrites is how long what waits for the history is still written when a leader ends, within the time that it has.
const lastWrites = 5 * time.Second

// record is what is kept and told of incidents beside the cluster's own objects.
type record struct {
	now     func() time.Time
	log     *slog.Logger
	metrics *metrics.Metrics
	say     atomic.Pointer[controller.Say]

	store   store.Store // nil: no history is kept
	history *store.Buffered
	notify  *notify.Dispatcher // nil: nobody is told

	mu      sync.Mutex
	failing map[string]bool // channels whose last try failed
}

// openRecord opens what the options name. clicks are the handlers of buttons, by the names of their channels.
func openRecord(o cli.RecordOptions, approver notify.Approver, now func() time.Time, log *slog.Logger, m *metrics.Metrics) (r *record, clicks map[string]http.Handler, err error) {
	r = &record{now: now, log: log, metrics: m, failing: map[string]bool{}}
	if err := r.openHistory(o); err != nil {
		return nil, nil, err
	}
	if o.Notify != "" {
		if clicks, err = r.openChannels(o, approver); err != nil {
			return nil, nil, errors.Join(err, r.close())
		}
	}
	return r, clicks, nil
}

func (r *record) openHistory(o cli.RecordOptions) error {
	where := o.History
	if o.HistoryFile != "" {
		dsn, err := tokenIn(o.HistoryFile)
		if err != nil {
			return fmt.Errorf("--history-dsn-file: %w", err)
		}
		where = dsn
	}
	var err error
	switch {
	case where == "":
		return nil
	case isDSN(where):
		r.store, err = postgres.Open(where, postgres.Options{})
	default:
		r.store, err = sqlite.Open(where, sqlite.Options{})
	}
	if err != nil {
		return &cli.HintedError{Err: err, Hint: "--history is a file in a folder that this user may write to, or a DSN such as postgres://gatemend@db.example.com/gatemend"}
	}
	r.history = store.NewBuffered(r.store, store.BufferOptions{
		Cluster: o.Cluster, Keep: o.Retention, Timeout: lastWrites, Now: r.now, Changed: r.historyChanged,
	})
	return nil
}

func (r *record) openChannels(o cli.RecordOptions, approver notify.Approver) (map[string]http.Handler, error) {
	data, err := os.ReadFile(o.Notify)
	if err != nil {
		return nil, fmt.Errorf("read --notify: %w", err)
	}
	config, err := channels.Parse(o.Notify, data)
	if err != nil {
		return nil, &cli.UsageError{Problem: "--notify: " + err.Error(), Hint: "docs/notifications.md has an example of each channel"}
	}
	routes, clicks, err := channels.Make(config, channels.Outside{
		ReadFile: os.ReadFile, Now: r.now, Approver: approver,
		Told: func(err error) { r.log.Warn("a click was refused", "error", err) },
	})
	if err != nil {
		return nil, fmt.Errorf("--notify %s: %w", o.Notify, err)
	}
	spool, err := notify.OpenSpool(filepath.Join(o.DataDir, "notifications"))
	if err != nil {
		return nil, &cli.HintedError{Err: err, Hint: "--data-dir is a folder that this user may write to"}
	}
	r.notify, err = notify.New(notify.Options{Routes: routes, Spool: spool, Now: r.now, Jitter: rand.Float64, Told: r.told})
	return clicks, err
}

// changed takes in what became of an incident.
func (r *record) changed(i model.Incident) {
	if r.history != nil {
		r.history.Save(i)
	}
	if r.notify == nil || i.Phase == model.PhaseResolved && r.now().Sub(i.Closed) > oldNews {
		return
	}
	r.notify.Notify(notify.Compose(i))
}

// run writes and sends until the context ends.
func (r *record) run(ctx context.Context, say controller.Say) {
	r.say.Store(&say)
	var group sync.WaitGroup
	if r.history != nil {
		group.Go(func() { r.history.Run(ctx) })
	}
	if r.notify != nil {
		group.Go(func() { r.notify.Run(ctx) })
	}
	group.Wait()
}

func (r *record) close() error {
	if r.store == nil {
		return nil
	}
	return r.store.Close()
}

// tell says in the log, and by an Event, what is wrong, or that it no longer is.
func (r *record) tell(wrong bool, reason, text string) {
	level := slog.LevelInfo
	if wrong {
		level = slog.LevelWarn
	}
	r.log.Log(context.Background(), level, text, "reason", reason)
	if say := r.say.Load(); say != nil {
		(*say)(wrong, reason, text)
	}
}

func (r *record) historyChanged(s store.BufferState) {
	if s.Err == nil {
		r.tell(false, "HistoryWritten", fmt.Sprintf("the history of incidents is written again; %d incidents wait, %d were lost since the start", s.Waiting, s.Dropped))
		return
	}
	kept := "their last states wait in memory"
	if errors.Is(s.Err, store.ErrFull) {
		kept = "there is no room; " + kept
	}
	r.tell(true, "HistoryNotWritten", fmt.Sprintf("the history of incidents cannot be written, and %s: %v", kept, s.Err))
}

// told hears how sending goes. People are told when a channel begins to fail and when it works again.
func (r *record) told(n notify.Notice) {
	if r.metrics != nil {
		r.metrics.Notified(n.Channel, n.Err == nil, n.Lost)
	}
	r.mu.Lock()
	was := r.failing[n.Channel]
	r.failing[n.Channel] = n.Err != nil
	r.mu.Unlock()
	switch {
	case n.Err != nil && (n.Lost || !was):
		what := "is tried again"
		if n.Lost {
			what = "is given up"
		}
		r.tell(true, "NotNotified", fmt.Sprintf("channel %s: what was to be told of %s %s, %d messages wait: %v", n.Channel, n.Key, what, n.Waiting, n.Err))
	case n.Err == nil && was:
		r.tell(false, "NotifiedAgain", fmt.Sprintf("channel %s works again, %d messages wait", n.Channel, n.Waiting))
	}
}

// state is what metrics tell at a scrape.
func (r *record) state() metrics.Record {
	var out metrics.Record
	if r.history != nil {
		s := r.history.State()
		out.History = &metrics.Written{Waiting: s.Waiting, Dropped: s.Dropped, Failing: s.Err != nil}
	}
	if r.notify != nil {
		out.Waiting = r.notify.Waiting()
	}
	return out
}
