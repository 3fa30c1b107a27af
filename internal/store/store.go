package store

import (
	"context"
	"errors"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// Store keeps incidents. It is safe for use by several goroutines and processes.
type Store interface {
	// Save writes an incident with all that belongs to it, in place of what was known of it. What is older than
	// what is kept is not written: a leader that lost its lease cannot turn history back.
	Save(ctx context.Context, i model.Incident) error
	// Get gives an incident with all that belongs to it, or [ErrNotFound].
	Get(ctx context.Context, cluster, id string) (model.Incident, error)
	// List gives incidents, the one noticed last first, without their timelines, actions and decisions.
	List(ctx context.Context, q Query) ([]model.Incident, error)
	// Prune deletes incidents that have ended and that a retention does not keep, and says how many.
	Prune(ctx context.Context, r Retention) (int, error)
	// Close ends the use of the store.
	Close() error
}

// Query says which incidents are looked for. What is not set does not count.
type Query struct {
	Cluster string
	ID      string
	Phases  []model.Phase
	Cause   model.CauseID
	Route   string // exactly, one of the incident's routes
	Since   time.Time
	Until   time.Time // exclusive
	Limit   int       // default 100
}

// DefaultLimit is how many incidents a list has at most if the query does not say.
const DefaultLimit = 100

// Retention says which incidents of a cluster are kept. Those that go on always are.
type Retention struct {
	Cluster string
	// Before: what was last updated earlier is deleted; zero: nothing is too old.
	Before time.Time
	// Most is how many ended incidents are kept, the newest ones; 0: any number.
	Most int
}

// The errors that callers tell apart.
var (
	ErrNotFound = errors.New("there is no such incident in the history")
	// ErrNewer says that a later version of the program has changed the form of the database. Writing to it
	// could destroy what this version does not know of.
	ErrNewer = errors.New("the database was written by a newer gatemend")
	// ErrNotMigrated says that a database is older than this program and was opened to be read only.
	ErrNotMigrated = errors.New("the database is of an older gatemend and was not migrated yet")
	// ErrFull says that the disk, or the size that the history was given, is used up.
	ErrFull = errors.New("there is no room for the history")
	// ErrInvalid says that an incident cannot be kept, today or later.
	ErrInvalid = errors.New("the incident has no cluster, id or time of its update")
)
