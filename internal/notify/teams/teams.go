// Package teams tells of incidents in Microsoft Teams, by a workflow that posts what a webhook receives: an
// Adaptive Card. What it has posted cannot be changed.
package teams

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/gatemend/gatemend/internal/notify"
	"github.com/gatemend/gatemend/internal/notify/post"
)

// Channel is a workflow "Post to a channel when a webhook request is received",
// https://learn.microsoft.com/connectors/teams/#microsoft-teams-webhook.
type Channel struct {
	Client *http.Client
	URL    notify.Secret
}

// maxMessage is what Teams takes, https://learn.microsoft.com/microsoftteams/limits-specifications-teams (28 KB), less
// some room for what the workflow adds.
const maxMessage = 24 << 10

// Updates is false.
func (*Channel) Updates() bool { return false }

// Send posts a card.
func (c *Channel) Send(ctx context.Context, m notify.Message, _ notify.Handle) (notify.Handle, error) {
	target, err := c.URL()
	if err != nil {
		return "", err
	}
	body, err := Body(m)
	if err != nil {
		return "", &notify.RefusedError{Err: err}
	}
	_, err = post.Send(ctx, c.Client, target, nil, body)
	return "", err
}

type element struct {
	Type     string `json:"type"`
	Text     string `json:"text,omitempty"`
	Weight   string `json:"weight,omitempty"`
	Size     string `json:"size,omitempty"`
	Color    string `json:"color,omitempty"`
	FontType string `json:"fontType,omitempty"`
	Wrap     bool   `json:"wrap,omitempty"`
	Facts    []fact `json:"facts,omitempty"`
}

type fact struct {
	Title string `json:"title"`
	Value string `json:"value"`
}

type card struct {
	Schema  string            `json:"$schema"`
	Type    string            `json:"type"`
	Version string            `json:"version"`
	Body    []element         `json:"body"`
	MSTeams map[string]string `json:"msteams,omitempty"`
}

type attachment struct {
	ContentType string `json:"contentType"`
	Content     card   `json:"content"`
}

type message struct {
	Type        string       `json:"type"`
	Attachments []attachment `json:"attachments"`
}

// Body is the request that posts a message. What is too large is left out, the diff first.
func Body(m notify.Message) ([]byte, error) {
	bare := m
	bare.Title, bare.Text, bare.Fields, bare.Command, bare.Diff = notify.Cut(m.Title, 200), notify.Cut(m.Text, 1000), nil, "", ""
	noCode, noDiff := m, m
	noDiff.Diff = ""
	noCode.Diff, noCode.Command = "", ""
	for _, try := range []notify.Message{m, noDiff, noCode} {
		if data, err := encode(try); err != nil || len(data) <= maxMessage {
			return data, err
		}
	}
	return encode(bare)
}

func encode(m notify.Message) ([]byte, error) {
	return json.Marshal(message{Type: "message", Attachments: []attachment{{
		ContentType: "application/vnd.microsoft.card.adaptive", Content: render(m),
	}}})
}

// render makes the card, version 1.4, which Teams shows on all devices
// (https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-reference).
func render(m notify.Message) card {
	color := map[notify.State]string{notify.Firing: "Attention", notify.Acknowledged: "Warning", notify.Resolved: "Good"}[m.State]
	c := card{Schema: "http://adaptivecards.io/schemas/adaptive-card.json", Type: "AdaptiveCard", Version: "1.4",
		MSTeams: map[string]string{"width": "Full"}}
	c.Body = append(c.Body,
		element{Type: "TextBlock", Text: escape(m.Title), Weight: "Bolder", Size: "Medium", Color: color, Wrap: true},
		element{Type: "TextBlock", Text: escape(m.Text), Wrap: true})
	if len(m.Fields) > 0 {
		facts := element{Type: "FactSet"}
		for _, f := range m.Fields {
			facts.Facts = append(facts.Facts, fact{Title: escape(f.Name), Value: escape(f.Value)})
		}
		c.Body = append(c.Body, facts)
	}
	for _, code := range []string{m.Diff, m.Command} {
		if code != "" {
			c.Body = append(c.Body, element{Type: "TextBlock", Text: escape(code), FontType: "Monospace", Wrap: true})
		}
	}
	if m.Ask != nil {
		c.Body = append(c.Body, element{Type: "TextBlock", Wrap: true,
			Text: escape("It waits for a yes: kubectl get incident " + m.Ask.Incident + " -o yaml says how to give it.")})
	}
	return c
}

// escape keeps names of the cluster from being taken for Markdown, of which cards know a little, and line ends.
func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "`", "\\`", "\n", "\n\n").Replace(s)
}
