package slack

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gatemend/gatemend/internal/notify"
)

// The limits of Block Kit, https://docs.slack.dev/reference/block-kit/blocks.
const (
	maxHeader  = 150
	maxSection = 3000
	maxField   = 2000
	maxFields  = 10
	maxText    = 4000 // https://docs.slack.dev/reference/methods/chat.postMessage
)

// The action ids of the buttons.
const (
	actionApprove = "gatemend_approve"
	actionReject  = "gatemend_reject"
)

type text struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

type button struct {
	Type     string `json:"type"`
	Text     text   `json:"text"`
	ActionID string `json:"action_id"`
	Value    string `json:"value"`
	Style    string `json:"style,omitempty"`
}

type block struct {
	Type     string   `json:"type"`
	BlockID  string   `json:"block_id,omitempty"`
	Text     *text    `json:"text,omitempty"`
	Fields   []text   `json:"fields,omitempty"`
	Elements []button `json:"elements,omitempty"`
}

// content is what a message is made of in Slack: text is for notifications and screen readers.
type content struct {
	Text   string  `json:"text"`
	Blocks []block `json:"blocks"`
}

// render makes the blocks of a message. Buttons are shown only where a click can be answered.
func render(m notify.Message, buttons bool) content {
	title := mark(m) + " " + m.Title
	c := content{Text: notify.Cut(escape(title+": "+m.Text), maxText), Blocks: []block{
		{Type: "header", Text: &text{"plain_text", notify.Cut(escape(title), maxHeader)}},
		{Type: "section", Text: mrkdwn(escape(m.Text), maxSection)},
	}}
	if len(m.Fields) > 0 {
		b := block{Type: "section"}
		for _, f := range m.Fields[:min(maxFields, len(m.Fields))] {
			b.Fields = append(b.Fields, *mrkdwn("*"+escape(f.Name)+"*\n"+escape(f.Value), maxField))
		}
		c.Blocks = append(c.Blocks, b)
	}
	for _, code := range []string{m.Diff, m.Command} {
		if code != "" {
			c.Blocks = append(c.Blocks, block{Type: "section", Text: mrkdwn(fence(code, maxSection), maxSection)})
		}
	}
	if m.Ask != nil && buttons {
		value := encodeAsk(*m.Ask)
		c.Blocks = append(c.Blocks, block{Type: "actions", BlockID: "gatemend", Elements: []button{
			{"button", text{"plain_text", "Approve"}, actionApprove, value, "primary"},
			{"button", text{"plain_text", "Reject"}, actionReject, value, "danger"},
		}})
	}
	return c
}

func mark(m notify.Message) string {
	switch m.State {
	case notify.Resolved:
		return "[resolved]"
	case notify.Acknowledged:
		return "[mending]"
	default:
		return "[failing]"
	}
}

func mrkdwn(s string, most int) *text { return &text{"mrkdwn", notify.Cut(s, most)} }

// fence shows code as it is. Three backticks in it would end it.
func fence(code string, most int) string {
	code = strings.ReplaceAll(escape(code), "```", "` ` `")
	return fmt.Sprintf("```\n%s\n```", notify.Cut(strings.TrimRight(code, "\n"), most-8))
}

// escape keeps names of the cluster from being taken for links and mentions,
// https://docs.slack.dev/messaging/formatting-message-text#escaping.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

func encodeAsk(q notify.Question) string {
	data, _ := json.Marshal(q) //nolint:errchkjson // strings are always written
	return string(data)
}
