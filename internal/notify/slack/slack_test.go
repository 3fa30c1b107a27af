package slack

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/notify"
	"github.com/gatemend/gatemend/internal/notify/post"
	"github.com/gatemend/gatemend/internal/testkit/notifytest"
)

func TestGolden(t *testing.T) {
	notifytest.Golden(t, "testdata/messages.golden", func(m notify.Message) any { return render(m, true) })
}

func TestWebhook(t *testing.T) {
	r := notifytest.NewReceiver(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) })
	c := &Webhook{Client: post.Client(time.Second), URL: notifytest.Value(r.URL)}
	for _, m := range notifytest.Samples() {
		if _, err := c.Send(t.Context(), m, ""); err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range r.Got() {
		notifytest.Check(t, "testdata/message.schema.json", q.Body)
		if strings.Contains(string(q.Body), actionApprove) {
			t.Error("a webhook has no buttons: nobody receives their clicks")
		}
		if strings.Contains(string(q.Body), "<!channel>") || strings.Contains(string(q.Body), `\u003c!channel\u003e`) {
			t.Error("a name of the cluster became a mention")
		}
	}
}

// workspace is a Slack that keeps messages.
type workspace struct {
	messages map[string]int // by timestamp: how often it was written
	answer   string         // in place of the right one
}

func (s *workspace) serve(w http.ResponseWriter, q *http.Request) {
	if q.Header.Get("Authorization") != "Bearer xoxb-1" {
		fmt.Fprint(w, `{"ok":false,"error":"invalid_auth"}`)
		return
	}
	if s.answer != "" {
		fmt.Fprint(w, s.answer)
		return
	}
	ts := fmt.Sprintf("171000000%d.000100", len(s.messages))
	if q.URL.Path == "/api/chat.update" {
		ts = "1710000000.000100"
		if s.messages[ts] == 0 {
			fmt.Fprint(w, `{"ok":false,"error":"message_not_found"}`)
			return
		}
	}
	s.messages[ts]++
	fmt.Fprintf(w, `{"ok":true,"channel":"C1","ts":%q}`, ts)
}

func TestBotUpdatesInPlace(t *testing.T) {
	s := &workspace{messages: map[string]int{}}
	r := notifytest.NewReceiver(t, s.serve)
	b := &Bot{Client: post.Client(time.Second), Token: notifytest.Value("xoxb-1"), Channel: "C1", API: r.URL + "/api", Buttons: true}
	var h notify.Handle
	var err error
	for _, m := range notifytest.Samples() {
		if h, err = b.Send(t.Context(), m, h); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.messages) != 1 || s.messages["1710000000.000100"] != 6 {
		t.Errorf("got %v", s.messages)
	}
	// Somebody deletes the message: there is a new one.
	clear(s.messages)
	if h, err = b.Send(t.Context(), notifytest.Samples()[0], h); err != nil || h != "C1/1710000000.000100" {
		t.Errorf("got %q, %v", h, err)
	}
	for _, q := range r.Got() {
		notifytest.Check(t, "testdata/message.schema.json", q.Body)
	}
}

func TestBotErrors(t *testing.T) {
	s := &workspace{messages: map[string]int{}}
	r := notifytest.NewReceiver(t, s.serve)
	b := &Bot{Client: post.Client(time.Second), Token: notifytest.Value("xoxb-wrong"), Channel: "C1", API: r.URL + "/api"}
	m := notifytest.Samples()[0]
	_, err := b.Send(t.Context(), m, "")
	if _, refused := errors.AsType[*notify.RefusedError](err); err == nil || refused || strings.Contains(err.Error(), "xoxb") {
		t.Errorf("a wrong token may be replaced: got %v", err)
	}
	b.Token = notifytest.Value("xoxb-1")
	s.answer = `{"ok":false,"error":"invalid_blocks"}`
	if _, err := b.Send(t.Context(), m, ""); !is[*notify.RefusedError](err) {
		t.Errorf("got %v", err)
	}
	s.answer = `{"ok":false,"error":"ratelimited"}`
	if _, err := b.Send(t.Context(), m, ""); !is[*notify.BusyError](err) {
		t.Errorf("got %v", err)
	}
	s.answer = `<html>`
	if _, err := b.Send(t.Context(), m, ""); err == nil {
		t.Error("an answer that is none was taken for one")
	}
}

func is[T error](err error) bool { _, ok := errors.AsType[T](err); return ok }

// Buttons carry the plan that they were made for, and no more than Slack takes.
func TestButtons(t *testing.T) {
	c := render(notifytest.Samples()[1], true)
	last := c.Blocks[len(c.Blocks)-1]
	var q notify.Question
	if err := json.Unmarshal([]byte(last.Elements[0].Value), &q); err != nil || q != (notify.Question{Cluster: "eu-1", Incident: "cart-1", Plan: "p1"}) {
		t.Errorf("got %+v, %v", q, err)
	}
}
