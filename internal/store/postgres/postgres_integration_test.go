//go:build integration

package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/store"
	"github.com/gatemend/gatemend/internal/store/postgres"
	"github.com/gatemend/gatemend/internal/testkit/storetest"

	server "github.com/gatemend/gatemend/internal/testkit/postgres"
)

func open(t *testing.T, dsn string, o postgres.Options) store.Store {
	t.Helper()
	s, err := postgres.Open(dsn, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestSuite(t *testing.T) {
	pg := server.Start(t)
	n := 0
	storetest.Run(t, func(t *testing.T) store.Store {
		n++
		return open(t, pg.Database(t, fmt.Sprintf("suite%d", n)), postgres.Options{})
	})
}

// Controllers of several clusters start at once on an empty database.
func TestMigrationsAreMadeOnce(t *testing.T) {
	dsn := server.Start(t).Database(t, "many")
	var group sync.WaitGroup
	for n := range 8 {
		s := open(t, dsn, postgres.Options{})
		group.Go(func() {
			if err := s.Save(t.Context(), storetest.Sample(fmt.Sprintf("c%d", n), "a")); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	found, err := open(t, dsn, postgres.Options{ReadOnly: true}).List(t.Context(), store.Query{})
	if err != nil || len(found) != 8 {
		t.Errorf("got %d, %v", len(found), err)
	}
}

func TestVersions(t *testing.T) {
	dsn := server.Start(t).Database(t, "versions")
	if _, err := open(t, dsn, postgres.Options{ReadOnly: true}).List(t.Context(), store.Query{}); !errors.Is(err, store.ErrNotMigrated) {
		t.Errorf("empty: got %v", err)
	}
	if err := open(t, dsn, postgres.Options{}).Save(t.Context(), storetest.Sample("eu-1", "a")); err != nil {
		t.Fatal(err)
	}
	if err := open(t, dsn, postgres.Options{ReadOnly: true}).Save(t.Context(), storetest.Sample("eu-1", "b")); err == nil {
		t.Error("what is only read was written")
	}
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), `INSERT INTO gatemend_schema VALUES (99, 'of tomorrow')`); err != nil {
		t.Fatal(err)
	}
	for _, readOnly := range []bool{false, true} {
		if _, err := open(t, dsn, postgres.Options{ReadOnly: readOnly}).List(t.Context(), store.Query{}); !errors.Is(err, store.ErrNewer) {
			t.Errorf("newer, read only %v: got %v", readOnly, err)
		}
	}
}

// PostgreSQL dies and comes back: what was saved meanwhile is told of, waits, and is written.
func TestGone(t *testing.T) {
	pg := server.Start(t)
	s := open(t, pg.Database(t, "gone"), postgres.Options{})
	told := make(chan store.BufferState, 10)
	b := store.NewBuffered(s, store.BufferOptions{
		MaxWaiting: 5, Retry: 50 * time.Millisecond, MaxRetry: 200 * time.Millisecond, Now: time.Now,
		Changed: func(st store.BufferState) { told <- st },
	})
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { b.Run(ctx) })
	defer group.Wait()
	defer cancel()

	b.Save(storetest.Sample("eu-1", "before"))
	await(t, func() bool { _, err := s.Get(t.Context(), "eu-1", "before"); return err == nil })
	pg.Stop(t)
	for n := range 8 {
		b.Save(storetest.Sample("eu-1", fmt.Sprintf("during%d", n)))
	}
	if st := <-told; st.Err == nil || st.Since.IsZero() {
		t.Errorf("got %+v", st)
	}
	if st := b.State(); st.Waiting != 5 || st.Dropped != 3 {
		t.Errorf("got %+v", st)
	}
	pg.Run(t)
	if st := <-told; st.Err != nil {
		t.Errorf("got %+v", st)
	}
	await(t, func() bool { return b.State().Waiting == 0 })
	found, err := s.List(t.Context(), store.Query{})
	if err != nil {
		t.Fatal(err)
	}
	if got := ids(found); got != "before during3 during4 during5 during6 during7" {
		t.Errorf("got %s", got)
	}
}

func ids(incidents []model.Incident) string {
	names := make([]string, 0, len(incidents))
	for _, i := range incidents {
		names = append(names, i.ID)
	}
	return strings.Join(names, " ")
}

func await(t *testing.T, reached func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	for !reached() {
		select {
		case <-deadline:
			t.Fatal("it did not come to that")
		case <-time.After(10 * time.Millisecond):
		}
	}
}
