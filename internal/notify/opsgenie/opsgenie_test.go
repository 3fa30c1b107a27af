package opsgenie

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/notify"
	"github.com/gatemend/gatemend/internal/notify/post"
	"github.com/gatemend/gatemend/internal/testkit/notifytest"
)

func TestGolden(t *testing.T) {
	notifytest.Golden(t, "testdata/alerts.golden", func(m notify.Message) any {
		return []any{create(m, "gatemend/"+m.Key, []string{"shop"}), note(m)}
	})
}

// An incident's life at the receiver: made once, then a note, acknowledged, closed, always by the same alias.
func TestLife(t *testing.T) {
	r := notifytest.NewReceiver(t, func(w http.ResponseWriter, q *http.Request) {
		if q.Header.Get("Authorization") != "GenieKey k" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	})
	c := &Channel{Client: post.Client(time.Second), Key: notifytest.Value("k"), API: r.URL, Responders: []string{"shop"}}
	var h notify.Handle
	var err error
	samples := notifytest.Samples()
	for _, m := range samples[:len(samples)-1] {
		if h, err = c.Send(t.Context(), m, h); err != nil {
			t.Fatal(err)
		}
	}
	// One that nobody was told of while it went on, as after a hand-over, is made and closed.
	if _, err := c.Send(t.Context(), samples[3], ""); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Send(t.Context(), samples[5], ""); err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, q := range r.Got() {
		schema := "testdata/action.schema.json"
		if q.Path == "/v2/alerts" {
			schema = "testdata/create.schema.json"
		}
		notifytest.Check(t, schema, q.Body)
		paths = append(paths, strings.TrimPrefix(q.Path, "/v2/alerts"))
	}
	const alias = "/gatemend%2Feu-1%2Fcart-1"
	want := []string{"", alias + "/notes?identifierType=alias", alias + "/acknowledge?identifierType=alias", alias + "/close?identifierType=alias",
		alias + "/notes?identifierType=alias", "", alias + "/close?identifierType=alias", ""}
	if strings.Join(paths, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(paths, "\n"), strings.Join(want, "\n"))
	}
}
