// Package opsgenie raises, acknowledges and closes alerts of incidents in Opsgenie, by its Alert API
// (https://docs.opsgenie.com/docs/alert-api). An alert is known by its alias.
package opsgenie

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/gatemend/gatemend/internal/notify"
	"github.com/gatemend/gatemend/internal/notify/post"
)

// API is where alerts are, in the US service region; that of the EU is https://api.eu.opsgenie.com.
const API = "https://api.opsgenie.com"

// Channel is an API integration.
type Channel struct {
	Client *http.Client
	Key    notify.Secret
	// API is empty for [API].
	API string
	// Responders are the teams that are told, by name; empty: as the integration says.
	Responders []string
}

// The limits of the API, https://docs.opsgenie.com/docs/alert-api#create-alert.
const (
	maxMessage     = 130
	maxAlias       = 512
	maxDescription = 15000
	maxTag         = 50
	maxEntity      = 512
	maxNote        = 25000
	maxDetails     = 8000 // of all keys and values together
)

// Updates is true.
func (*Channel) Updates() bool { return true }

// Send makes the alert or, where it exists, adds to it what is new, acknowledges it or closes it. Opsgenie counts
// what has the alias of an open alert as the same alert, so that nothing is raised twice.
func (c *Channel) Send(ctx context.Context, m notify.Message, sent notify.Handle) (notify.Handle, error) {
	alias := notify.Name("gatemend/"+m.Key, maxAlias)
	if sent == "" {
		// Whatever the state: what is acknowledged or closed must exist first.
		if err := c.call(ctx, "/v2/alerts", create(m, alias, c.Responders)); err != nil {
			return "", err
		}
		if m.State == notify.Firing {
			return notify.Handle(alias), nil
		}
	}
	at := "/v2/alerts/" + url.PathEscape(alias)
	action := map[notify.State]string{notify.Firing: "/notes", notify.Acknowledged: "/acknowledge", notify.Resolved: "/close"}[m.State]
	return notify.Handle(alias), c.call(ctx, at+action+"?identifierType=alias", note(m))
}

type alert struct {
	Message     string            `json:"message"`
	Alias       string            `json:"alias"`
	Description string            `json:"description,omitempty"`
	Responders  []responder       `json:"responders,omitempty"`
	Tags        []string          `json:"tags,omitempty"`
	Details     map[string]string `json:"details,omitempty"`
	Entity      string            `json:"entity,omitempty"`
	Source      string            `json:"source,omitempty"`
	Priority    string            `json:"priority"`
}

type responder struct {
	Type string `json:"type"`
	Name string `json:"name"`
}

type action struct {
	User   string `json:"user,omitempty"`
	Source string `json:"source,omitempty"`
	Note   string `json:"note,omitempty"`
}

func create(m notify.Message, alias string, teams []string) alert {
	a := alert{
		Message: notify.Cut(m.Title, maxMessage), Alias: alias, Source: "gatemend", Details: map[string]string{},
		Description: notify.Cut(strings.Join(nonEmpty(m.Text, m.Command, m.Diff), "\n\n"), maxDescription),
		Priority:    map[notify.Severity]string{notify.Critical: "P1", notify.Error: "P2", notify.Info: "P5"}[m.Severity],
	}
	for _, tag := range nonEmpty("gatemend", m.Cluster, string(m.Cause)) {
		a.Tags = append(a.Tags, notify.Cut(tag, maxTag))
	}
	room := maxDetails
	for _, f := range m.Fields {
		if room -= len(f.Name) + len(f.Value); room < 0 {
			break
		}
		a.Details[f.Name] = f.Value
		if f.Name == "Object" {
			a.Entity = notify.Cut(f.Value, maxEntity)
		}
	}
	for _, team := range teams {
		a.Responders = append(a.Responders, responder{Type: "team", Name: team})
	}
	return a
}

func note(m notify.Message) action {
	lines := []string{m.Title, m.Text}
	for _, f := range m.Fields {
		lines = append(lines, f.Name+": "+f.Value)
	}
	return action{User: "gatemend", Source: "gatemend", Note: notify.Cut(strings.Join(append(lines, nonEmpty(m.Command)...), "\n"), maxNote)}
}

func nonEmpty(texts ...string) []string {
	var out []string
	for _, t := range texts {
		if t != "" {
			out = append(out, t)
		}
	}
	return out
}

func (c *Channel) call(ctx context.Context, path string, body any) error {
	key, err := c.Key()
	if err != nil {
		return err
	}
	data, err := json.Marshal(body)
	if err != nil {
		return &notify.RefusedError{Err: err}
	}
	api := c.API
	if api == "" {
		api = API
	}
	_, err = post.Send(ctx, c.Client, api+path, http.Header{"Authorization": {"GenieKey " + key}}, data)
	return err
}
