package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/gatemend/gatemend/internal/store"
)

// migration is a step of the database's form. Steps are only added: there is no way back, as an older program
// refuses a newer database.
type migration struct {
	version int
	name    string
	text    string
}

// migrations reads files named NNNN_what.sql. Their numbers are 1, 2, 3 and so on.
func migrations(files fs.FS) ([]migration, error) {
	names, err := fs.Glob(files, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	all := make([]migration, 0, len(names))
	for i, name := range names {
		number, _, _ := strings.Cut(path.Base(name), "_")
		version, err := strconv.Atoi(number)
		if err != nil || version != i+1 {
			return nil, fmt.Errorf("migration %s: its number must be %04d", name, i+1)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		all = append(all, migration{version: version, name: path.Base(name), text: string(text)})
	}
	return all, nil
}

// ready brings the database to the form that this program knows, once. It does so at the first use, not when the
// store is opened: a database that is away must keep nobody from starting.
func (s *Store) ready(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isReady {
		return nil
	}
	if err := s.migrate(ctx); err != nil {
		return s.wrap("prepare the history's tables", err)
	}
	s.isReady = true
	return nil
}

func (s *Store) migrate(ctx context.Context) error {
	all, err := migrations(s.dialect.Migrations)
	if err != nil {
		return err
	}
	return s.inTx(ctx, func(tx *sql.Tx) error {
		if s.dialect.ReadOnly {
			return s.checkVersion(ctx, tx, len(all))
		}
		return s.apply(ctx, tx, all)
	})
}

// apply takes the steps that the database has not taken yet.
func (s *Store) apply(ctx context.Context, tx *sql.Tx, all []migration) error {
	// Controllers of several clusters may start at once.
	if s.dialect.LockMigrations != "" {
		if _, err := tx.ExecContext(ctx, s.dialect.LockMigrations); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS gatemend_schema (version INTEGER PRIMARY KEY, name TEXT NOT NULL)`); err != nil {
		return err
	}
	at, err := s.version(ctx, tx)
	if err != nil {
		return err
	}
	if at > len(all) {
		return newer(at, len(all))
	}
	for _, m := range all[at:] {
		if _, err := tx.ExecContext(ctx, m.text); err != nil {
			return fmt.Errorf("migration %s: %w", m.name, err)
		}
		if _, err := tx.ExecContext(ctx, s.bind(`INSERT INTO gatemend_schema (version, name) VALUES ($1, $2)`), m.version, m.name); err != nil {
			return err
		}
	}
	return nil
}

func newer(at, known int) error {
	return fmt.Errorf("%w: its form has number %d, this program knows %d", store.ErrNewer, at, known)
}

// checkVersion refuses a database of another form, since it may not be migrated here.
func (s *Store) checkVersion(ctx context.Context, tx *sql.Tx, known int) error {
	at, err := s.version(ctx, tx)
	switch {
	case err != nil:
		return fmt.Errorf("%w (%w)", store.ErrNotMigrated, err)
	case at > known:
		return newer(at, known)
	case at < known:
		return fmt.Errorf("%w: its form has number %d, this program's is %d", store.ErrNotMigrated, at, known)
	}
	return nil
}

func (s *Store) version(ctx context.Context, tx *sql.Tx) (int, error) {
	var at int
	err := tx.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM gatemend_schema`).Scan(&at)
	return at, err
}
