package pagerduty

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/notify"
	"github.com/gatemend/gatemend/internal/notify/post"
	"github.com/gatemend/gatemend/internal/testkit/notifytest"
)

const routingKey = "0123456789abcdef0123456789abcdef"

func TestGolden(t *testing.T) {
	notifytest.Golden(t, "testdata/events.golden", func(m notify.Message) any { return render(m, routingKey) })
}

// An incident's life at the receiver: raised, acknowledged, resolved, always as the same alert.
func TestLife(t *testing.T) {
	r := notifytest.NewReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write([]byte(`{"status":"success","message":"Event processed"}`))
	})
	c := &Channel{Client: post.Client(time.Second), RoutingKey: notifytest.Value(routingKey), URL: r.URL + "/v2/enqueue"}
	var h notify.Handle
	var err error
	for _, m := range notifytest.Samples() {
		if h, err = c.Send(t.Context(), m, h); err != nil {
			t.Fatal(err)
		}
	}
	var life []string
	keys := map[string]bool{}
	for n, q := range r.Got() {
		notifytest.Check(t, "testdata/event.schema.json", q.Body)
		var e struct {
			Action string `json:"event_action"`
			Key    string `json:"dedup_key"`
		}
		if err := json.Unmarshal(q.Body, &e); err != nil {
			t.Fatal(err)
		}
		if n < 5 {
			life = append(life, e.Action)
			keys[e.Key] = true
		}
	}
	if got := strings.Join(life, " "); got != "trigger trigger acknowledge resolve trigger" || len(keys) != 1 {
		t.Errorf("got %s with keys %v", got, keys)
	}
}
