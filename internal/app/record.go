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

	"go.opentelemetry.io/otel"

	"github.com/gatemend/gatemend/internal/cli"
	"github.com/gatemend/gatemend/internal/controller"
	"github.com/gatemend/gatemend/internal/metrics"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/notify"
	"github.com/gatemend/gatemend/internal/notify/channels"
	"github.com/gatemend/gatemend/internal/store"
	"github.com/gatemend/gatemend/internal/store/postgres"
	"github.com/gatemend/gatemend/internal/store/sqlite"
	"github.com/gatemend/gatemend/internal/trace"
)

// oldNews is how long after its end nobody is told of an incident any more that nobody was told of before: a new leader
// finds incidents of days.
const oldNews = 10 * time.Minute

// lastWrites is how long what waits for the history, or for the receiver of traces, is still written at the end.
const lastWrites = 5 * time.Second

// records is where incidents are kept and told of beside the cluster's own objects. A process that leads begins a record.
type records struct {
	options cli.RecordOptions
	now     func() time.Time
	log     *slog.Logger
	metrics *metrics.Metrics // nil: nobody asks

	store    store.Store     // nil: no history is kept
	channels []notify.Route  // none: nobody is told
	traces   *trace.Exporter // nil: nobody gets any
	// clicks are the handlers of buttons, by the names of their channels.
	clicks  map[string]http.Handler
	leading atomic.Pointer[record]
}

// openRecords opens what the options name; approver makes clicks on buttons count.
func openRecords(ctx context.Context, o cli.RecordOptions, approver notify.Approver, now func() time.Time, log *slog.Logger, m *metrics.Metrics) (*records, error) {
	r := &records{options: o, now: now, log: log, metrics: m}
	if err := r.openHistory(); err != nil {
		return nil, err
	}
	if o.Notify != "" {
		if err := r.openChannels(approver); err != nil {
			return nil, errors.Join(err, r.close(ctx))
		}
	}
	if err := r.openTraces(ctx); err != nil {
		return nil, errors.Join(err, r.close(ctx))
	}
	if m != nil {
		m.Record(r.state)
	}
	return r, nil
}

func (r *records) openTraces(ctx context.Context) error {
	if r.options.Traces == "" {
		return nil
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { // the library has one for all
		r.log.Warn("traces of incidents could not be sent", "to", r.options.Traces, "error", err)
	}))
	var err error
	if r.traces, err = trace.New(ctx, r.options.Traces); err != nil {
		return &cli.UsageError{Problem: "--traces: " + err.Error(), Hint: "for example: --traces http://collector.monitoring:4318"}
	}
	return nil
}

func (r *records) openHistory() error {
	where := r.options.History
	if r.options.HistoryFile != "" {
		dsn, err := tokenIn(r.options.HistoryFile)
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
	return nil
}

func (r *records) openChannels(approver notify.Approver) error {
	name := r.options.Notify
	data, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("read --notify: %w", err)
	}
	config, err := channels.Parse(name, data)
	if err != nil {
		return &cli.UsageError{Problem: "--notify: " + err.Error(), Hint: "docs/notifications.md has an example of each channel"}
	}
	r.channels, r.clicks, err = channels.Make(config, channels.Outside{
		ReadFile: os.ReadFile, Now: r.now, Approver: approver,
		Told: func(err error) { r.log.Warn("a click was refused", "error", err) },
	})
	if err != nil {
		return fmt.Errorf("--notify %s: %w", name, err)
	}
	return nil
}

func (r *records) close(ctx context.Context) error {
	var all []error
	if r.traces != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWrites)
		defer cancel()
		all = append(all, r.traces.Close(ctx))
	}
	if r.store != nil {
		all = append(all, r.store.Close())
	}
	return errors.Join(all...)
}

// lead begins the record of a process that leads. The queue of notifications is read now: a former leader may have shared it.
func (r *records) lead(say controller.Say) (controller.Recorder, error) {
	out := &record{now: r.now, log: r.log, metrics: r.metrics, say: say, failing: map[string]bool{}, traces: r.traces, open: map[string]bool{}}
	if r.store != nil {
		out.history = store.NewBuffered(r.store, store.BufferOptions{
			Cluster: r.options.Cluster, Keep: r.options.Retention, Timeout: lastWrites, Now: r.now, Changed: out.historyChanged,
		})
	}
	if len(r.channels) > 0 {
		spool, err := notify.OpenSpool(filepath.Join(r.options.DataDir, "notifications"))
		if err != nil {
			return nil, &cli.HintedError{Err: err, Hint: "--data-dir is a folder that this user may write to"}
		}
		out.notify, err = notify.New(notify.Options{Routes: r.channels, Spool: spool, Now: r.now, Jitter: rand.Float64, Told: out.told})
		if err != nil {
			return nil, fmt.Errorf("notify: %w", err)
		}
	}
	r.leading.Store(out)
	return out, nil
}

// state is what metrics tell at a scrape.
func (r *records) state() metrics.Record {
	var out metrics.Record
	now := r.leading.Load()
	if now == nil {
		return out
	}
	if now.history != nil {
		s := now.history.State()
		out.History = &metrics.Written{Waiting: s.Waiting, Dropped: s.Dropped, Failing: s.Err != nil}
	}
	if now.notify != nil {
		out.Waiting = now.notify.Waiting()
	}
	return out
}

// record is the record of a process that leads.
type record struct {
	now     func() time.Time
	log     *slog.Logger
	metrics *metrics.Metrics
	say     controller.Say

	history *store.Buffered
	notify  *notify.Dispatcher
	traces  *trace.Exporter

	mu      sync.Mutex
	failing map[string]bool // channels whose last try failed
	open    map[string]bool // incidents that this process has seen go on
}

// Changed takes in what became of an incident.
func (r *record) Changed(i model.Incident) {
	if r.history != nil {
		r.history.Save(i)
	}
	if r.traces != nil && r.ends(i) {
		r.traces.Export(context.Background(), i)
	}
	if r.notify == nil || i.Phase == model.PhaseResolved && r.now().Sub(i.Closed) > oldNews {
		return
	}
	r.notify.Notify(notify.Compose(i))
}

// ends reports whether an incident that went on is over now: what is over when a process begins to lead, a former one has told.
func (r *record) ends(i model.Incident) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i.Phase != model.PhaseResolved {
		r.open[i.ID] = true
		return false
	}
	was := r.open[i.ID]
	delete(r.open, i.ID)
	return was
}

// Run writes and sends until the context ends.
func (r *record) Run(ctx context.Context) {
	var group sync.WaitGroup
	if r.history != nil {
		group.Go(func() { r.history.Run(ctx) })
	}
	if r.notify != nil {
		group.Go(func() { r.notify.Run(ctx) })
	}
	group.Wait()
}

// tell says in the log, and by an Event, what is wrong, or that it no longer is.
func (r *record) tell(wrong bool, reason, text string) {
	level := slog.LevelInfo
	if wrong {
		level = slog.LevelWarn
	}
	r.log.Log(context.Background(), level, text, "reason", reason)
	r.say(wrong, reason, text)
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
