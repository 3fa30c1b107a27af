package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/store"
)

// stamp reads a time that is kept as microseconds since 1970, or as the database's own.
type stamp struct{ to *time.Time }

// Scan implements sql.Scanner.
func (s stamp) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*s.to = time.Time{}
	case int64:
		*s.to = time.UnixMicro(v).UTC()
	case time.Time:
		*s.to = v.UTC()
	default:
		return fmt.Errorf("a time is kept as %T", v)
	}
	return nil
}

// document reads JSON, which databases give as text or bytes.
type document struct{ to any }

// Scan implements sql.Scanner.
func (d document) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		return json.Unmarshal([]byte(v), d.to)
	case []byte:
		return json.Unmarshal(v, d.to)
	default:
		return fmt.Errorf("a document is kept as %T", v)
	}
}

type scanner interface{ Scan(into ...any) error }

func scan(from scanner) (model.Incident, error) {
	i := model.Incident{
		APIVersion: model.APIVersion, Kind: model.KindIncident,
		Timeline: []model.IncidentEvent{}, Actions: []model.IncidentAction{}, Decisions: []model.IncidentDecision{},
	}
	err := from.Scan(&i.Cluster, &i.ID, &i.Phase, &i.Because, document{&i.Routes}, &i.Requests, &i.Errors, document{&i.Statuses},
		&i.Cause, &i.Confidence, document{&i.Object}, &i.Summary,
		stamp{&i.Started}, stamp{&i.Opened}, stamp{&i.Updated}, stamp{&i.Closed}, document{&i.Proposal})
	return i, err
}

// Get reads an incident with all that belongs to it.
func (s *Store) Get(ctx context.Context, cluster, id string) (model.Incident, error) {
	if err := s.ready(ctx); err != nil {
		return model.Incident{}, err
	}
	var i model.Incident
	err := s.inTx(ctx, func(tx *sql.Tx) (err error) {
		if i, err = scan(tx.QueryRowContext(ctx, s.bind(`SELECT `+columns+` FROM incidents WHERE cluster = $1 AND id = $2`), cluster, id)); err != nil {
			return err
		}
		return s.belongings(ctx, tx, &i)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return model.Incident{}, fmt.Errorf("%s in cluster %s: %w", id, cluster, store.ErrNotFound)
	}
	return i, s.wrap("read incident "+id, err)
}

func (s *Store) belongings(ctx context.Context, tx *sql.Tx, i *model.Incident) error {
	each := func(table, columns string, row func(scanner) error) error {
		rows, err := tx.QueryContext(ctx, s.bind(`SELECT `+columns+` FROM `+table+` WHERE cluster = $1 AND incident = $2 ORDER BY n`), i.Cluster, i.ID)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }() // Err tells what went wrong
		for rows.Next() {
			if err := row(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	}
	err := each("incident_events", `at, kind, text`, func(from scanner) error {
		var e model.IncidentEvent
		err := from.Scan(stamp{&e.At}, &e.Kind, &e.Text)
		i.Timeline = append(i.Timeline, e)
		return err
	})
	if err != nil {
		return err
	}
	err = each("incident_actions", `at, action, change, result, because`, func(from scanner) error {
		var a model.IncidentAction
		err := from.Scan(stamp{&a.At}, &a.Action, document{&a.Change}, &a.Result, &a.Because)
		i.Actions = append(i.Actions, a)
		return err
	})
	if err != nil {
		return err
	}
	return each("incident_decisions", `at, plan, verdict, who, through, because`, func(from scanner) error {
		var d model.IncidentDecision
		var verdict string
		if err := from.Scan(stamp{&d.At}, &d.Plan, &verdict, &d.Who, &d.Through, &d.Because); err != nil {
			return err
		}
		i.Decisions = append(i.Decisions, d)
		return i.Decisions[len(i.Decisions)-1].Verdict.UnmarshalText([]byte(verdict))
	})
}

// List reads incidents without what belongs to them.
func (s *Store) List(ctx context.Context, q store.Query) ([]model.Incident, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	where, args := s.conditions(q)
	limit := q.Limit
	if limit <= 0 {
		limit = store.DefaultLimit
	}
	statement := `SELECT ` + columns + ` FROM incidents` + where + ` ORDER BY opened DESC, cluster, id LIMIT ` + fmt.Sprint(limit)
	rows, err := s.db.QueryContext(ctx, s.bind(statement), args...)
	if err != nil {
		return nil, s.wrap("list incidents", err)
	}
	defer func() { _ = rows.Close() }() // Err tells what went wrong
	found := []model.Incident{}
	for rows.Next() {
		i, err := scan(rows)
		if err != nil {
			return nil, s.wrap("list incidents", err)
		}
		found = append(found, i)
	}
	return found, s.wrap("list incidents", rows.Err())
}

// conditions are the WHERE of a query and its parameters.
func (s *Store) conditions(q store.Query) (string, []any) {
	var parts []string
	var args []any
	add := func(condition string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			condition = strings.Replace(condition, "?", fmt.Sprintf("$%d", len(args)), 1)
		}
		parts = append(parts, condition)
	}
	if q.Cluster != "" {
		add("cluster = ?", q.Cluster)
	}
	if q.ID != "" {
		add("id = ?", q.ID)
	}
	if q.Cause != "" {
		add("cause = ?", string(q.Cause))
	}
	if q.Route != "" {
		// Routes are a list in JSON. A route in quotes, as JSON writes it, is in the text of no other list.
		route, _ := json.Marshal(q.Route) //nolint:errchkjson // a string is always written
		add(`routes LIKE ? ESCAPE '!'`, "%"+likeLiteral(string(route))+"%")
	}
	if len(q.Phases) > 0 {
		marks := make([]string, len(q.Phases))
		values := make([]any, len(q.Phases))
		for n, p := range q.Phases {
			marks[n], values[n] = "?", string(p)
		}
		add("phase IN ("+strings.Join(marks, ", ")+")", values...)
	}
	if !q.Since.IsZero() {
		add("opened >= ?", s.dialect.Time(q.Since))
	}
	if !q.Until.IsZero() {
		add("opened < ?", s.dialect.Time(q.Until))
	}
	if len(parts) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(parts, " AND "), args
}

// likeLiteral is a text in which LIKE finds no wildcards.
func likeLiteral(text string) string {
	for _, special := range []string{"!", "%", "_"} {
		text = strings.ReplaceAll(text, special, "!"+special)
	}
	return text
}
