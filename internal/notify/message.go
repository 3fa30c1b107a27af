package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// State is what receivers that keep alerts make of a message.
type State string

// The states.
const (
	Firing       State = "firing"       // somebody should look
	Acknowledged State = "acknowledged" // it is being mended
	Resolved     State = "resolved"     // it is over
)

// Severity is how urgent a message is.
type Severity string

// The severities.
const (
	Critical Severity = "critical" // what was tried did not help, or nothing can be tried
	Error    Severity = "error"    // requests fail
	Info     Severity = "info"     // requests succeed again
)

// Field is a fact of a message.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Message is what is told of an incident, before it takes a channel's form.
type Message struct {
	// Key is the same for all that is told of one incident.
	Key      string      `json:"key"`
	Phase    model.Phase `json:"phase,omitempty"` // empty in a digest
	State    State       `json:"state"`
	Severity Severity    `json:"severity"`
	Title    string      `json:"title"`
	Text     string      `json:"text"`
	Fields   []Field     `json:"fields,omitempty"`
	Command  string      `json:"command,omitempty"` // for a person to copy
	Diff     string      `json:"diff,omitempty"`
	// Ask is the plan that waits for a yes.
	Ask *Question `json:"ask,omitempty"`
	// At is when it was so; it makes no difference to whether something was said before.
	At time.Time `json:"at"`
	// Cluster, Namespace and Cause are what channels are chosen by.
	Cluster   string        `json:"cluster,omitempty"`
	Namespace string        `json:"namespace,omitempty"`
	Cause     model.CauseID `json:"cause,omitempty"`
}

// Question is a plan that waits for a person's yes.
type Question struct {
	Cluster  string `json:"cluster"`
	Incident string `json:"incident"`
	Plan     string `json:"plan"`
}

// Messages wait in memory and in files, thousands of them, so their parts are bounded.
const (
	maxTitle = 300
	maxText  = 4000
	maxCode  = 16 << 10
)

// Compose says what is told of an incident.
func Compose(i model.Incident) Message {
	m := Message{
		Key: i.Cluster + "/" + i.ID, Phase: i.Phase, State: stateOf(i.Phase), Severity: severityOf(i.Phase),
		Title: Cut(plain(i.Title()), maxTitle), Text: Cut(plain(textOf(i)), maxText), At: i.Updated,
		Cluster: i.Cluster, Namespace: i.Object.Namespace, Cause: i.Cause,
	}
	field := func(name, value string) {
		if value != "" {
			m.Fields = append(m.Fields, Field{Name: name, Value: Cut(plain(value), maxText)})
		}
	}
	field("Cluster", i.Cluster)
	field("Incident", i.ID)
	field("Phase", string(i.Phase))
	if i.Cause != "" {
		field("Cause", fmt.Sprintf("%s (%d %%)", i.Cause, int(100*i.Confidence+0.5)))
		field("Object", i.Object.String())
	}
	if p := i.Proposal; p != nil {
		field("Plan", fmt.Sprintf("%s: %s (risk %s)", p.Action, p.Summary, p.Risk))
		field("Touches", p.Touches)
		if i.Phase == model.PhaseProposed || i.Phase == model.PhaseAwaitingApproval {
			m.Diff = Cut(plainLines(p.Diff), maxCode)
			if len(p.Kubectl) <= maxCode { // half a command helps nobody
				m.Command = plain(p.Kubectl)
			}
		}
		if i.Phase == model.PhaseAwaitingApproval {
			m.Ask = &Question{Cluster: i.Cluster, Incident: i.ID, Plan: p.ID}
		}
	}
	if n := len(i.Decisions); n > 0 {
		d := i.Decisions[n-1]
		field("Decision", fmt.Sprintf("%s: %s, through %s", d.Verdict, d.Who, d.Through))
	}
	if i.Phase.Ended() {
		field("Lasted", i.Duration(i.Updated).Round(time.Second).String())
		field(counted, fmt.Sprintf("%d, %d failed", i.Requests, i.Errors))
	}
	return m
}

func textOf(i model.Incident) string {
	parts := make([]string, 0, 2)
	for _, part := range []string{i.Summary, i.Because} {
		if part != "" {
			parts = append(parts, strings.TrimSuffix(part, ".")+".")
		}
	}
	if len(parts) == 0 {
		return "Why is not known yet."
	}
	return strings.Join(parts, " ")
}

func stateOf(p model.Phase) State {
	switch p {
	case model.PhaseMending, model.PhaseVerifying:
		return Acknowledged
	case model.PhaseResolved:
		return Resolved
	default:
		return Firing // Undone and Escalated too: gatemend has ended, the errors have not
	}
}

func severityOf(p model.Phase) Severity {
	switch p {
	case model.PhaseUndone, model.PhaseEscalated:
		return Critical
	case model.PhaseResolved:
		return Info
	default:
		return Error
	}
}

// notable reports whether a message is worth one more message where the former one cannot be changed.
func (m Message) notable() bool {
	switch m.Phase {
	case model.PhaseDiagnosed, model.PhaseMending, model.PhaseVerifying:
		return false
	default:
		return true
	}
}

// counted is the field with counts of requests.
const counted = "Requests"

// digest is the same for messages that say the same. That further routes fail for the same cause, which the title counts,
// and how many requests it were in the end, comes with the next news of an incident and is none by itself.
func (m Message) digest() string {
	m.At = time.Time{}
	if m.Phase != "" {
		m.Title = ""
	}
	m.Fields = slices.DeleteFunc(slices.Clone(m.Fields), func(f Field) bool { return f.Name == counted })
	data, _ := json.Marshal(m) //nolint:errchkjson // strings and times are always written
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}

// plain is a text on one line, without what steers terminals or mail.
func plain(s string) string { return strings.Join(strings.Fields(plainLines(s)), " ") }

func plainLines(s string) string {
	return strings.Map(func(r rune) rune {
		if (r < ' ' && r != '\n' && r != '\t') || r == 0x7f {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// Cut is a text of at most n characters, with a mark where it was cut. Receivers refuse longer ones.
func Cut(s string, n int) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	return string(runes[:max(0, n-1)]) + "…"
}

// Name is a key of at most n characters: one that is longer ends in its hash, so that no two are the same.
func Name(key string, n int) string {
	if len([]rune(key)) <= n {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return string([]rune(key)[:n-33]) + "-" + hex.EncodeToString(sum[:16])
}
