// Package pagerduty raises, acknowledges and resolves alerts of incidents in PagerDuty, by its Events API v2
// (https://developer.pagerduty.com/docs/events-api-v2-overview). PagerDuty itself takes what has the same key for the
// same alert.
package pagerduty

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/gatemend/gatemend/internal/notify"
	"github.com/gatemend/gatemend/internal/notify/post"
)

// URL is where events are sent, in the US service region; that of the EU is https://events.eu.pagerduty.com/v2/enqueue.
const URL = "https://events.pagerduty.com/v2/enqueue"

// Channel is an integration "Events API v2" of a service.
type Channel struct {
	Client     *http.Client
	RoutingKey notify.Secret
	// URL is empty for [URL].
	URL string
}

// The limits of the API, https://developer.pagerduty.com/docs/send-alert-event.
const (
	maxKey     = 255
	maxSummary = 1024
)

// Updates is true.
func (*Channel) Updates() bool { return true }

// Send sends the event that the message's state asks for.
func (c *Channel) Send(ctx context.Context, m notify.Message, _ notify.Handle) (notify.Handle, error) {
	key, err := c.RoutingKey()
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(render(m, key))
	if err != nil {
		return "", &notify.RefusedError{Err: err}
	}
	target := c.URL
	if target == "" {
		target = URL
	}
	_, err = post.Send(ctx, c.Client, target, nil, body)
	return notify.Handle(dedupKey(m.Key)), err
}

type event struct {
	RoutingKey string   `json:"routing_key"`
	Action     string   `json:"event_action"`
	DedupKey   string   `json:"dedup_key"`
	Client     string   `json:"client,omitempty"`
	Payload    *payload `json:"payload,omitempty"`
}

type payload struct {
	Summary       string            `json:"summary"`
	Source        string            `json:"source"`
	Severity      string            `json:"severity"`
	Timestamp     string            `json:"timestamp,omitempty"`
	Component     string            `json:"component,omitempty"`
	Group         string            `json:"group,omitempty"`
	Class         string            `json:"class,omitempty"`
	CustomDetails map[string]string `json:"custom_details,omitempty"`
}

// render makes the event. Only a trigger has a payload.
func render(m notify.Message, routingKey string) event {
	e := event{RoutingKey: routingKey, Action: "trigger", DedupKey: dedupKey(m.Key)}
	switch m.State {
	case notify.Acknowledged:
		e.Action = "acknowledge"
		return e
	case notify.Resolved:
		e.Action = "resolve"
		return e
	case notify.Firing:
	}
	e.Client = "gatemend"
	source := m.Cluster
	if source == "" {
		source = "gatemend"
	}
	p := &payload{
		Summary: notify.Cut(m.Title+": "+m.Text, maxSummary), Source: source, Severity: string(m.Severity),
		Group: m.Namespace, Class: string(m.Cause), CustomDetails: map[string]string{},
	}
	if !m.At.IsZero() {
		p.Timestamp = m.At.UTC().Format(time.RFC3339Nano)
	}
	for _, f := range m.Fields {
		p.CustomDetails[f.Name] = f.Value
		if f.Name == "Object" {
			p.Component = f.Value
		}
	}
	if m.Command != "" {
		p.CustomDetails["Command"] = m.Command
	}
	e.Payload = p
	return e
}

func dedupKey(key string) string { return notify.Name("gatemend/"+key, maxKey) }
