package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/store"
)

// Dialect is what is particular to a database.
type Dialect struct {
	// Migrations has the files migrations/NNNN_what.sql.
	Migrations fs.FS
	// LockMigrations is a statement that keeps others from migrating until the transaction ends.
	LockMigrations string
	// Placeholder is the mark before a parameter's number.
	Placeholder string
	// Time is how a time is kept; zero times are kept as NULL.
	Time func(time.Time) any
	// Full reports whether an error says that there is no room.
	Full func(error) bool
	// ReadOnly: the database is not to be changed.
	ReadOnly bool
	// AfterPrune is a statement that gives room back to the disk.
	AfterPrune string
}

// Store is a history in a database; it implements [store.Store].
type Store struct {
	db      *sql.DB
	dialect Dialect

	mu      sync.Mutex
	isReady bool
}

// New makes a Store of a database, which it closes.
func New(db *sql.DB, d Dialect) *Store { return &Store{db: db, dialect: d} }

// Close closes the database.
func (s *Store) Close() error { return s.db.Close() }

// bind writes the parameters' marks as the database wants them. No statement has a $ otherwise.
func (s *Store) bind(statement string) string {
	return strings.ReplaceAll(statement, "$", s.dialect.Placeholder)
}

func (s *Store) inTx(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: s.dialect.ReadOnly})
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	return tx.Commit()
}

// ignoreDone leaves out that a transaction had ended already, as it has when the connection broke.
func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// wrap says what was being done, and recognises a full disk.
func (s *Store) wrap(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case s.dialect.Full(err):
		return fmt.Errorf("%s: %w: %w", what, store.ErrFull, err)
	default:
		return fmt.Errorf("%s: %w", what, err)
	}
}

// Save writes an incident in one transaction.
func (s *Store) Save(ctx context.Context, i model.Incident) error {
	if i.Cluster == "" || i.ID == "" || i.Updated.IsZero() {
		return store.ErrInvalid
	}
	r, err := rowOf(i, s.dialect.Time)
	if err != nil {
		return fmt.Errorf("%w: %w", store.ErrInvalid, err)
	}
	if err := s.ready(ctx); err != nil {
		return err
	}
	return s.wrap("write the history of incident "+i.ID, s.inTx(ctx, func(tx *sql.Tx) error { return s.save(ctx, tx, r) }))
}

func (s *Store) save(ctx context.Context, tx *sql.Tx, r row) error {
	done, err := tx.ExecContext(ctx, s.bind(upsert), r.incident...)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return err // none: what is kept is newer
	}
	for _, part := range r.parts {
		if _, err := tx.ExecContext(ctx, s.bind(`DELETE FROM `+part.table+` WHERE cluster = $1 AND incident = $2`), r.incident[0], r.incident[1]); err != nil {
			return err
		}
		if len(part.rows) == 0 {
			continue
		}
		insert, err := tx.PrepareContext(ctx, s.bind(part.insert))
		if err != nil {
			return err
		}
		for _, values := range part.rows {
			if _, err := insert.ExecContext(ctx, values...); err != nil {
				return errors.Join(err, insert.Close())
			}
		}
		if err := insert.Close(); err != nil {
			return err
		}
	}
	return nil
}

// Prune deletes incidents that have ended, with all that belongs to them.
func (s *Store) Prune(ctx context.Context, r store.Retention) (int, error) {
	if r.Before.IsZero() && r.Most <= 0 {
		return 0, nil
	}
	if err := s.ready(ctx); err != nil {
		return 0, err
	}
	var deleted int64
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		if !r.Before.IsZero() {
			n, err := s.delete(ctx, tx, `closed IS NOT NULL AND updated < $2`, r.Cluster, s.dialect.Time(r.Before))
			if err != nil {
				return err
			}
			deleted += n
		}
		if r.Most > 0 {
			n, err := s.delete(ctx, tx, `closed IS NOT NULL AND id NOT IN (SELECT id FROM incidents
				WHERE cluster = $1 AND closed IS NOT NULL ORDER BY updated DESC, id DESC LIMIT $2)`, r.Cluster, r.Most)
			if err != nil {
				return err
			}
			deleted += n
		}
		return nil
	})
	if err == nil && deleted > 0 && s.dialect.AfterPrune != "" {
		_, err = s.db.ExecContext(ctx, s.dialect.AfterPrune)
	}
	return int(deleted), s.wrap("delete old history", err)
}

// delete deletes incidents of a cluster; what belongs to them goes with them.
func (s *Store) delete(ctx context.Context, tx *sql.Tx, where string, args ...any) (int64, error) {
	done, err := tx.ExecContext(ctx, s.bind(`DELETE FROM incidents WHERE cluster = $1 AND `+where), args...)
	if err != nil {
		return 0, err
	}
	return done.RowsAffected()
}
