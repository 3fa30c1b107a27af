// Package postgres keeps the history of incidents in PostgreSQL (12 or later), which several clusters may share.
package postgres

import (
	"embed"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/gatemend/gatemend/internal/store/sqlstore"
)

//go:embed migrations
var migrations embed.FS

// Options are those of a database.
type Options struct {
	// ReadOnly: nothing in it is changed.
	ReadOnly bool
}

// lockNumber is of no meaning but that nothing else in the database takes the same advisory lock.
const lockNumber = 7305808869232145

// Open opens a database by its DSN: a URL (postgres://...) or words (host=... dbname=...), in which what is missing
// comes from the usual PG* variables, pgpass and service files. It does not connect yet.
func Open(dsn string, o Options) (*sqlstore.Store, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("open history: %w", withoutDSN(err))
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "gatemend"
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 5 * time.Second
	}
	db := stdlib.OpenDB(*config)
	// History is little and never urgent; a database has better uses for connections.
	db.SetMaxOpenConns(2)
	db.SetConnMaxIdleTime(time.Minute)
	return sqlstore.New(db, sqlstore.Dialect{
		Migrations:     migrations,
		LockMigrations: fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", lockNumber),
		Placeholder:    "$",
		Time:           func(t time.Time) any { return t.UTC().Truncate(time.Microsecond) },
		Full:           full,
		ReadOnly:       o.ReadOnly,
	}), nil
}

// withoutDSN leaves the DSN out of the error, which may have a password in it.
func withoutDSN(err error) error {
	if e, ok := errors.AsType[*pgconn.ParseConfigError](err); ok {
		if why := e.Unwrap(); why != nil {
			return fmt.Errorf("the DSN cannot be read: %w", why)
		}
		return errors.New("the DSN cannot be read; for example postgres://gatemend@db.example.com/gatemend?sslmode=verify-full")
	}
	return err
}

// full reports whether the server has no room: class 53, insufficient resources
// (https://www.postgresql.org/docs/current/errcodes-appendix.html).
func full(err error) bool {
	const diskFull = "53100"
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == diskFull
}
