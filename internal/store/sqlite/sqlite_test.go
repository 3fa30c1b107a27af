package sqlite_test

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/store"
	"github.com/gatemend/gatemend/internal/store/sqlite"
	"github.com/gatemend/gatemend/internal/testkit/storetest"
)

func open(t *testing.T, path string, o sqlite.Options) store.Store {
	t.Helper()
	s, err := sqlite.Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestSuite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		return open(t, filepath.Join(t.TempDir(), "history.db"), sqlite.Options{})
	})
}

func TestFileIsPrivateAndKeptWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?c#%.db")
	first := open(t, path, sqlite.Options{})
	if err := first.Save(t.Context(), storetest.Sample("eu-1", "a")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
	// Somebody reads while the controller has the file open, and after it.
	for range 2 {
		if _, err := open(t, path, sqlite.Options{ReadOnly: true}).Get(t.Context(), "eu-1", "a"); err != nil {
			t.Error(err)
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReadOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	if _, err := sqlite.Open(path, sqlite.Options{ReadOnly: true}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, path, sqlite.Options{ReadOnly: true}).List(t.Context(), store.Query{}); !errors.Is(err, store.ErrNotMigrated) {
		t.Errorf("got %v", err)
	}
	if _, err := open(t, path, sqlite.Options{}).List(t.Context(), store.Query{}); err != nil {
		t.Fatal(err)
	}
	if err := open(t, path, sqlite.Options{ReadOnly: true}).Save(t.Context(), storetest.Sample("eu-1", "a")); err == nil {
		t.Error("what is only read was written")
	}
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	if err := open(t, path, sqlite.Options{}).Save(t.Context(), storetest.Sample("eu-1", "a")); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), `INSERT INTO gatemend_schema VALUES (99, 'of tomorrow')`); err != nil {
		t.Fatal(err)
	}
	for _, readOnly := range []bool{false, true} {
		s := open(t, path, sqlite.Options{ReadOnly: readOnly})
		if _, err := s.List(t.Context(), store.Query{}); !errors.Is(err, store.ErrNewer) {
			t.Errorf("read only %v: got %v", readOnly, err)
		}
	}
}

func TestNoDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("this is no database ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(t, path, sqlite.Options{}).Save(t.Context(), storetest.Sample("eu-1", "a")); err == nil {
		t.Error("a file of something else was taken for a database")
	}
}

// When the room is used up, that is what the error says, what was written is still there, and after pruning there
// is room again.
func TestFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	const maxBytes = 512 << 10
	s := open(t, path, sqlite.Options{MaxBytes: maxBytes})
	written := 0
	var err error
	for n := range 10_000 {
		i := storetest.Sample("eu-1", fmt.Sprintf("i%05d", n))
		i.Summary = strings.Repeat("x", 1000)
		i.Updated = storetest.Noon().Add(time.Duration(n) * time.Second)
		if err = s.Save(t.Context(), i); err != nil {
			break
		}
		written++
	}
	if !errors.Is(err, store.ErrFull) || written < 50 {
		t.Fatalf("after %d: %v", written, err)
	}
	all, err := s.List(t.Context(), store.Query{Limit: 10_000})
	if err != nil || len(all) != written {
		t.Fatalf("%d of %d are there, %v", len(all), written, err)
	}
	if n, err := s.Prune(t.Context(), store.Retention{Cluster: "eu-1", Most: 10}); err != nil || n != written-10 {
		t.Fatalf("pruned %d, %v", n, err)
	}
	if err := s.Save(t.Context(), storetest.Sample("eu-1", "again")); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() > maxBytes/2 {
		t.Errorf("the file still has %d bytes, %v", info.Size(), err)
	}
}

// BenchmarkSave writes incidents as a storm does.
func BenchmarkSave(b *testing.B) {
	s, err := sqlite.Open(filepath.Join(b.TempDir(), "history.db"), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	n := 0
	for b.Loop() {
		n++
		i := storetest.Sample("eu-1", fmt.Sprint(n%1000))
		i.Updated, i.Phase = i.Updated.Add(time.Duration(n)), model.PhaseMending
		if err := s.Save(b.Context(), i); err != nil {
			b.Fatal(err)
		}
	}
}
