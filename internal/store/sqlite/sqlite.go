// Package sqlite keeps the history of incidents in a file. It needs no server and no C library, so it is the
// default. Other processes may read the file, and other programs too: it is a common SQLite database.
package sqlite

import (
	"cmp"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	sqlite "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/gatemend/gatemend/internal/store/sqlstore"
)

//go:embed migrations
var migrations embed.FS

// Options are those of a file.
type Options struct {
	// ReadOnly: the file must exist, and nothing in it is changed.
	ReadOnly bool
	// MaxBytes bounds the file; default 1 GiB. When it is used up, writing fails until something is pruned.
	MaxBytes int64
}

// pageSize is SQLite's default, see https://sqlite.org/pragma.html#pragma_page_size.
const pageSize = 4096

// Open opens a file of history, and makes it when it is first used. Only its owner may read it: it holds values
// of objects.
func Open(path string, o Options) (*sqlstore.Store, error) {
	query := url.Values{"_pragma": {"busy_timeout(5000)", "foreign_keys(1)"}}
	if o.ReadOnly {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("open history: %w", err)
		}
		query.Set("mode", "ro")
	} else {
		if err := create(path); err != nil {
			return nil, fmt.Errorf("open history: %w", err)
		}
		pages := cmp.Or(o.MaxBytes, 1<<30) / pageSize
		query["_pragma"] = append(query["_pragma"],
			// auto_vacuum must be set before there is a table: it lets what was pruned be given back to the disk.
			fmt.Sprintf("page_size(%d)", pageSize), "auto_vacuum(incremental)",
			// With a write-ahead log people read while the controller writes; synchronous=NORMAL is safe with it
			// but for the last moments before a power cut (https://sqlite.org/pragma.html#pragma_synchronous).
			"journal_mode(wal)", "synchronous(normal)",
			fmt.Sprintf("max_page_count(%d)", pages))
		query.Set("_txlock", "immediate")
	}
	// Absolute, as a relative path would be taken for the host of the URI.
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	uri := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: query.Encode()}
	db, err := sql.Open("sqlite", uri.String())
	if err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	// One writer at a time is all that SQLite has; more connections would only wait for each other.
	db.SetMaxOpenConns(1)
	return sqlstore.New(db, sqlstore.Dialect{
		Migrations:  migrations,
		Placeholder: "?",
		Time:        func(t time.Time) any { return t.UnixMicro() },
		Full:        full,
		ReadOnly:    o.ReadOnly,
		AfterPrune:  "PRAGMA incremental_vacuum",
	}), nil
}

// create makes the file with few rights; SQLite itself would go by the umask.
func create(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}

// full reports whether SQLite ran out of the disk or of the size that it was given.
func full(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code()&0xff == sqlite3.SQLITE_FULL
}
