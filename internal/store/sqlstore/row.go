package sqlstore

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

const columns = `cluster, id, phase, because, routes, requests, errors, statuses, cause, confidence, object, summary,
	started, opened, updated, closed, proposal`

// upsert writes an incident unless what is kept is newer.
const upsert = `INSERT INTO incidents (` + columns + `)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
ON CONFLICT (cluster, id) DO UPDATE SET phase = excluded.phase, because = excluded.because, routes = excluded.routes,
	requests = excluded.requests, errors = excluded.errors, statuses = excluded.statuses, cause = excluded.cause,
	confidence = excluded.confidence, object = excluded.object, summary = excluded.summary, started = excluded.started,
	opened = excluded.opened, updated = excluded.updated, closed = excluded.closed, proposal = excluded.proposal
WHERE incidents.updated <= excluded.updated`

// row is an incident as the tables have it.
type row struct {
	incident []any // in the order of columns
	parts    []part
}

// part is a list that belongs to an incident, in a table of its own.
type part struct {
	table  string
	insert string
	rows   [][]any
}

// encoder turns values into what the tables have, and remembers what could not be turned.
type encoder struct {
	time func(time.Time) any
	err  error
}

// text is s as every database takes it: PostgreSQL refuses NUL and what is no UTF-8.
func (e *encoder) text(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
}

func (e *encoder) json(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		e.err = err
	}
	return e.text(string(data))
}

func (e *encoder) at(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return e.time(t)
}

func rowOf(i model.Incident, when func(time.Time) any) (row, error) {
	e := encoder{time: when}
	var proposal any
	if i.Proposal != nil {
		proposal = e.json(i.Proposal)
	}
	r := row{incident: []any{
		e.text(i.Cluster), e.text(i.ID), string(i.Phase), e.text(i.Because), e.json(orEmpty(i.Routes)), i.Requests, i.Errors,
		e.json(orEmpty(i.Statuses)), e.text(string(i.Cause)), i.Confidence, e.json(i.Object), e.text(i.Summary),
		e.at(i.Started), e.at(i.Opened), e.at(i.Updated), e.at(i.Closed), proposal,
	}}
	events := part{table: "incident_events", insert: `INSERT INTO incident_events (cluster, incident, n, at, kind, text)
		VALUES ($1, $2, $3, $4, $5, $6)`}
	for n, v := range i.Timeline {
		events.rows = append(events.rows, []any{r.incident[0], r.incident[1], n, e.at(v.At), e.text(v.Kind), e.text(v.Text)})
	}
	actions := part{table: "incident_actions", insert: `INSERT INTO incident_actions
		(cluster, incident, n, at, action, change, result, because) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`}
	for n, a := range i.Actions {
		actions.rows = append(actions.rows, []any{
			r.incident[0], r.incident[1], n, e.at(a.At), e.text(a.Action), e.json(a.Change), string(a.Result), e.text(a.Because),
		})
	}
	decisions := part{table: "incident_decisions", insert: `INSERT INTO incident_decisions
		(cluster, incident, n, at, plan, verdict, who, through, because) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`}
	for n, d := range i.Decisions {
		decisions.rows = append(decisions.rows, []any{
			r.incident[0], r.incident[1], n, e.at(d.At), e.text(d.Plan), d.Verdict.String(), e.text(d.Who), e.text(d.Through), e.text(d.Because),
		})
	}
	r.parts = []part{events, actions, decisions}
	return r, e.err
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
