package slack

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/notify"
)

const signingSecret = "8f742231b10e8888abcd99yyyzzz85a5"

// approver keeps answers and gives err.
type approver struct {
	got []notify.Approval
	err error
}

func (a *approver) Approve(_ context.Context, x notify.Approval) error {
	a.got = append(a.got, x)
	return a.err
}

func payload(user, action, value, responseURL string) string {
	data, _ := json.Marshal(map[string]any{
		"type": "block_actions", "user": map[string]string{"id": user, "username": "alice"}, "response_url": responseURL,
		"actions": []map[string]string{{"action_id": action, "value": value, "type": "button"}},
	})
	return url.Values{"payload": {string(data)}}.Encode()
}

// sign is written after Slack's description, apart from the code that checks.
func sign(secret, stamp, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("v0:" + stamp + ":" + body))
	return "v0=" + hex.EncodeToString(mac.Sum(nil))
}

func click(h http.Handler, body, stamp, signature string) int {
	q := httptest.NewRequest(http.MethodPost, "/slack/interactive", strings.NewReader(body))
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	q.Header.Set("X-Slack-Request-Timestamp", stamp)
	q.Header.Set("X-Slack-Signature", signature)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, q)
	return w.Code
}

// The example of https://docs.slack.dev/authentication/verifying-requests-from-slack, which has the result.
func TestSlacksOwnExample(t *testing.T) {
	body := "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
	h := &Handler{SigningSecret: func() (string, error) { return signingSecret, nil }, Now: func() time.Time { return time.Unix(1531420618, 0) }}
	header := http.Header{}
	header.Set("X-Slack-Request-Timestamp", "1531420618")
	header.Set("X-Slack-Signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503")
	if err := h.verify(header, []byte(body)); err != nil {
		t.Error(err)
	}
}

func TestClicks(t *testing.T) {
	now := time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)
	question := `{"cluster":"eu-1","incident":"cart-1","plan":"p1"}`
	good := payload("U1", actionApprove, question, "")
	at := func(d time.Duration) string { return fmt.Sprint(now.Add(d).Unix()) }
	for name, c := range map[string]struct {
		body, stamp, signature string
		status                 int
		yes, recorded          bool
	}{
		"yes":                       {body: good, status: 200, yes: true, recorded: true},
		"no":                        {body: payload("U1", actionReject, question, ""), status: 200, recorded: true},
		"nobody of the cluster":     {body: payload("U9", actionApprove, question, ""), status: 200},
		"a user mapped to nothing":  {body: payload("U2", actionApprove, question, ""), status: 200},
		"a button of others":        {body: payload("U1", "deploy", question, ""), status: 200},
		"a value of others":         {body: payload("U1", actionApprove, `{"x":1}`, ""), status: 200},
		"no plan":                   {body: payload("U1", actionApprove, `{"cluster":"eu-1","incident":"cart-1"}`, ""), status: 200},
		"signed by somebody else":   {body: good, signature: sign("another", at(0), good), status: 401},
		"not signed":                {body: good, signature: "none", status: 401},
		"another body":              {body: payload("U1", actionReject, question, ""), signature: sign(signingSecret, at(0), good), status: 401},
		"too old":                   {body: good, stamp: at(-6 * time.Minute), status: 401},
		"of the future":             {body: good, stamp: at(6 * time.Minute), status: 401},
		"no time":                   {body: good, stamp: "soon", status: 401},
		"no payload":                {body: "a=b", status: 400},
		"no form":                   {body: "%zz", status: 400},
		"another kind":              {body: url.Values{"payload": {`{"type":"view_submission"}`}}.Encode(), status: 400},
		"two actions at once":       {body: url.Values{"payload": {`{"type":"block_actions","actions":[{},{}]}`}}.Encode(), status: 400},
		"more than any click needs": {body: strings.Repeat("a", maxClick+1), status: 400},
	} {
		t.Run(name, func(t *testing.T) {
			a := &approver{}
			h := &Handler{
				SigningSecret: func() (string, error) { return signingSecret, nil }, Approver: a, Now: func() time.Time { return now },
				Users: map[string]string{"U1": "alice@example.com", "U2": ""},
			}
			stamp, signature := c.stamp, c.signature
			if stamp == "" {
				stamp = at(0)
			}
			if signature == "" {
				signature = sign(signingSecret, stamp, c.body)
			}
			if got := click(h, c.body, stamp, signature); got != c.status {
				t.Errorf("status %d, want %d", got, c.status)
			}
			want := []notify.Approval(nil)
			if c.recorded {
				want = []notify.Approval{{
					Question: notify.Question{Cluster: "eu-1", Incident: "cart-1", Plan: "p1"}, Yes: c.yes, User: "alice@example.com", Identity: "alice (U1)", Through: "slack",
				}}
			}
			if fmt.Sprint(a.got) != fmt.Sprint(want) {
				t.Errorf("recorded %+v, want %+v", a.got, want)
			}
		})
	}
}

// An empty secret would be one that everybody knows.
func TestEmptySecret(t *testing.T) {
	now := time.Unix(1531420618, 0)
	h := &Handler{SigningSecret: func() (string, error) { return "", nil }, Approver: &approver{}, Now: func() time.Time { return now }}
	body := payload("U1", actionApprove, "{}", "")
	if got := click(h, body, "1531420618", sign("", "1531420618", body)); got != http.StatusUnauthorized {
		t.Errorf("status %d", got)
	}
}

// Who may not approve is told so, alone, and nowhere but at Slack.
func TestRefusalIsAnswered(t *testing.T) {
	now := time.Unix(1531420618, 0)
	var said []string
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		var m map[string]any
		if err := json.NewDecoder(q.Body).Decode(&m); err != nil || m["response_type"] != "ephemeral" {
			t.Errorf("got %v, %v", m, err)
		}
		said = append(said, fmt.Sprint(m["text"]))
	}))
	defer server.Close()
	a := &approver{}
	h := &Handler{
		SigningSecret: func() (string, error) { return signingSecret, nil }, Approver: a, Now: func() time.Time { return now },
		Users: map[string]string{"U1": "alice"}, Client: server.Client(), AnswersAt: strings.TrimPrefix(server.URL, "https://"),
	}
	send := func(user, answerTo string) {
		body := payload(user, actionApprove, `{"cluster":"c","incident":"i","plan":"p"}`, answerTo)
		click(h, body, "1531420618", sign(signingSecret, "1531420618", body))
	}
	send("U9", server.URL)
	a.err = fmt.Errorf("user alice: %w", notify.ErrNotAllowed)
	send("U1", server.URL)
	a.err = notify.ErrTooLate
	send("U1", server.URL)
	a.err = errors.New("secret inner workings")
	send("U1", server.URL)
	if len(said) != 4 || strings.Contains(strings.Join(said, " "), "secret") || !strings.Contains(said[2], "waits for no answer") {
		t.Errorf("said %q", said)
	}
	h.AnswersAt = ""
	send("U9", server.URL)
	if len(said) != 4 {
		t.Error("an answer went to a host that is not Slack's")
	}
}

func FuzzClick(f *testing.F) {
	f.Add(payload("U1", actionApprove, `{"cluster":"c","incident":"i","plan":"p"}`, "https://hooks.slack.com/x"))
	f.Add("payload=%7B%7D")
	f.Fuzz(func(t *testing.T, body string) {
		a := &approver{}
		h := &Handler{
			SigningSecret: func() (string, error) { return signingSecret, nil }, Approver: a, Users: map[string]string{"U1": "alice"},
			Now: func() time.Time { return time.Unix(1531420618, 0) }, AnswersAt: "none.invalid", Client: &http.Client{Transport: http.NewFileTransport(http.Dir("/nonexistent"))},
		}
		click(h, body, "1531420618", sign(signingSecret, "1531420618", body))
		for _, got := range a.got {
			if got.User != "alice" || got.Plan == "" || got.Incident == "" {
				t.Errorf("recorded %+v", got)
			}
		}
	})
}
