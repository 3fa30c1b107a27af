package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/cli"
	"github.com/gatemend/gatemend/internal/controller"
	"github.com/gatemend/gatemend/internal/metrics"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/store"
	"github.com/gatemend/gatemend/internal/testkit/notifytest"
)

// said is what people were told of troubles.
type said struct {
	wrong        bool
	reason, text string
}

// running opens a record and runs it until the test ends.
func running(t *testing.T, o cli.RecordOptions) (*records, controller.Recorder, <-chan said, func()) {
	t.Helper()
	m := metrics.New(metrics.Build{}, func() []metrics.Source { return nil })
	all, err := openRecords(t.Context(), o, nil, time.Now, slog.New(slog.DiscardHandler), m)
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan said, 100)
	r, err := all.lead(func(wrong bool, reason, text string) { heard <- said{wrong, reason, text} })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Run(ctx)
	}()
	stop := func() {
		cancel()
		<-done
	}
	t.Cleanup(func() {
		stop()
		if err := all.close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return all, r, heard, stop
}

// An incident's states come to the history and to the channels; a further state waits for nobody, and what stays the same
// is told once.
func TestRecordKeepsAndTells(t *testing.T) {
	got := make(chan string, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m struct{ Key, Phase string }
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Error(err)
		}
		got <- m.Key + " " + m.Phase
	}))
	t.Cleanup(receiver.Close)
	dir := t.TempDir()
	config := filepath.Join(dir, "notify.yaml")
	text := "apiVersion: gatemend.dev/v1alpha1\nkind: NotificationConfig\nchannels:\n- name: own\n  webhook: {url: '" + receiver.URL + "'}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "history.db")
	o := cli.RecordOptions{Cluster: "eu-1", History: file, Notify: config, DataDir: filepath.Join(dir, "data")}
	records, r, _, stop := running(t, o)

	i := notifytest.Incident(model.PhaseEscalated)
	r.Changed(i)
	r.Changed(i)
	if m := <-got; m != "eu-1/cart-1 Escalated" {
		t.Errorf("told %s", m)
	}
	old := notifytest.Incident(model.PhaseResolved) // of a week ago, as a new leader finds them
	old.ID, old.Closed, old.Updated = "old", time.Now().Add(-7*24*time.Hour), time.Now().Add(-7*24*time.Hour)
	r.Changed(old)
	i.Phase, i.Updated, i.Closed = model.PhaseResolved, time.Now(), time.Now()
	r.Changed(i)
	if m := <-got; m != "eu-1/cart-1 Resolved" {
		t.Errorf("told %s", m)
	}
	for records.state().Waiting["own"] > 0 { // the answer is on its way
		select {
		case <-t.Context().Done():
			t.Fatal("a message waits that was received")
		case <-time.After(time.Millisecond):
		}
	}
	stop()
	if s := records.state(); s.History.Waiting != 0 || s.History.Failing || s.Waiting["own"] != 0 {
		t.Errorf("state %+v %+v", s.History, s.Waiting)
	}
	h, err := openHistory(file)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	all, err := h.List(t.Context(), cli.HistoryQuery{Cluster: "eu-1"})
	if err != nil || len(all) != 2 {
		t.Fatalf("the history has %+v, %v", all, err)
	}
	if len(got) != 0 {
		t.Errorf("told %s too", <-got)
	}

	// The next process goes on with what was told: the same is not said twice.
	_, again, _, stopAgain := running(t, o)
	again.Changed(i)
	stopAgain()
	if len(got) != 0 {
		t.Errorf("told %s again", <-got)
	}
}

// A database that is away costs nothing but that it is said; so does a receiver.
func TestRecordSaysWhatIsAway(t *testing.T) {
	away := httptest.NewServer(http.NotFoundHandler())
	url := away.URL
	away.Close()
	dir := t.TempDir()
	dsn, config := filepath.Join(dir, "dsn"), filepath.Join(dir, "notify.yaml")
	text := "apiVersion: gatemend.dev/v1alpha1\nkind: NotificationConfig\nchannels:\n- name: own\n  webhook: {url: '" + url + "'}\n"
	for path, content := range map[string]string{
		dsn:    "postgres://gatemend:hunter2@" + strings.TrimPrefix(url, "http://") + "/gatemend\n",
		config: text,
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	records, r, heard, _ := running(t, cli.RecordOptions{Cluster: "eu-1", HistoryFile: dsn, Notify: config, DataDir: dir})
	i := notifytest.Incident(model.PhaseEscalated)
	i.Updated = time.Now() // what is old is not tried again
	r.Changed(i)
	reasons := map[string]said{}
	for range 2 {
		select {
		case s := <-heard:
			reasons[s.reason] = s
		case <-time.After(30 * time.Second):
			t.Fatalf("told %+v", reasons)
		}
	}
	if s := reasons["HistoryNotWritten"]; !s.wrong || strings.Contains(s.text, "hunter2") {
		t.Errorf("told %+v", reasons)
	}
	if s := reasons["NotNotified"]; !s.wrong || !strings.Contains(s.text, "is tried again") {
		t.Errorf("told %+v", reasons)
	}
	if s := records.state(); !s.History.Failing || s.History.Waiting != 1 || s.Waiting["own"] != 1 {
		t.Errorf("state %+v %+v", s.History, s.Waiting)
	}
}

// A full disk is said in its own words, and that there is room again.
func TestRecordOnAFullDisk(t *testing.T) {
	var heard []said
	r := &record{
		log: slog.New(slog.DiscardHandler),
		say: func(wrong bool, reason, text string) { heard = append(heard, said{wrong, reason, text}) },
	}
	r.historyChanged(store.BufferState{Err: fmt.Errorf("save: %w", store.ErrFull), Waiting: 3})
	r.historyChanged(store.BufferState{Waiting: 3})
	if len(heard) != 2 || !heard[0].wrong || !strings.Contains(heard[0].text, "there is no room") || heard[1].wrong || heard[1].reason != "HistoryWritten" {
		t.Errorf("told %+v", heard)
	}
}

func TestRecordRefusesABadConfiguration(t *testing.T) {
	config := filepath.Join(t.TempDir(), "notify.yaml")
	if err := os.WriteFile(config, []byte("kind: Other\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := openRecords(t.Context(), cli.RecordOptions{Cluster: "c", Notify: config, DataDir: t.TempDir()}, nil, time.Now, slog.New(slog.DiscardHandler), nil)
	if _, usage := errors.AsType[*cli.UsageError](err); !usage {
		t.Errorf("got %v", err)
	}
}

// The trace of an incident is sent when it is over, once, by the process that saw it go on.
func TestRecordTraces(t *testing.T) {
	sent := make(chan struct{}, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		for range bytes.Count(body, []byte("gatemend.incident")) { // the key of an attribute of each
			sent <- struct{}{}
		}
	}))
	t.Cleanup(receiver.Close)
	records, err := openRecords(t.Context(), cli.RecordOptions{Cluster: "c", Traces: receiver.URL}, nil, time.Now, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := records.lead(func(bool, string, string) {})
	if err != nil {
		t.Fatal(err)
	}
	r.Changed(notifytest.Incident(model.PhaseResolved)) // a former leader's
	r.Changed(notifytest.Incident(model.PhaseMending))
	r.Changed(notifytest.Incident(model.PhaseResolved))
	r.Changed(notifytest.Incident(model.PhaseResolved))
	if err := records.close(t.Context()); err != nil { // which sends what waits
		t.Fatal(err)
	}
	if len(sent) != 1 {
		t.Errorf("%d incidents, want 1", len(sent))
	}

	_, err = openRecords(t.Context(), cli.RecordOptions{Cluster: "c", Traces: "collector:4318"}, nil, time.Now, slog.New(slog.DiscardHandler), nil)
	if err == nil || !strings.Contains(err.Error(), "--traces") {
		t.Errorf("a receiver that is no URL: %v", err)
	}
}
