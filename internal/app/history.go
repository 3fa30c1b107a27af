package app

import (
	"context"
	"errors"
	"strings"

	"github.com/gatemend/gatemend/internal/cli"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/store"
	"github.com/gatemend/gatemend/internal/store/postgres"
	"github.com/gatemend/gatemend/internal/store/sqlite"
)

// history is a store as commands see it.
type history struct{ store.Store }

// List gives the incidents that a query asks for.
func (h history) List(ctx context.Context, q cli.HistoryQuery) ([]model.Incident, error) {
	found, err := h.Store.List(ctx, store.Query(q))
	return found, hintedHistory(err)
}

// Get gives an incident with all that belongs to it.
func (h history) Get(ctx context.Context, cluster, id string) (model.Incident, error) {
	i, err := h.Store.Get(ctx, cluster, id)
	return i, hintedHistory(err)
}

// openHistory opens a history to read it.
func openHistory(where string) (cli.History, error) {
	if isDSN(where) {
		s, err := postgres.Open(where, postgres.Options{ReadOnly: true})
		return history{s}, err
	}
	s, err := sqlite.Open(where, sqlite.Options{ReadOnly: true})
	return history{s}, hinted(err)
}

// isDSN tells a DSN of PostgreSQL from a file's name.
func isDSN(where string) bool {
	scheme, _, found := strings.Cut(where, "://")
	if found {
		return scheme == "postgres" || scheme == "postgresql"
	}
	return strings.HasPrefix(where, "host=") || strings.Contains(where, " host=") || strings.HasPrefix(where, "service=")
}

func hintedHistory(err error) error {
	switch {
	case errors.Is(err, store.ErrNewer):
		return &cli.HintedError{Err: err, Hint: "use that version of gatemend, or a later one"}
	case errors.Is(err, store.ErrNotMigrated):
		return &cli.HintedError{Err: err, Hint: "the controller migrates it when it starts; is this its history?"}
	default:
		return err
	}
}
