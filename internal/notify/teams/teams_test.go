package teams

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

func TestGolden(t *testing.T) {
	notifytest.Golden(t, "testdata/cards.golden", func(m notify.Message) any {
		data, err := Body(m)
		if err != nil {
			t.Fatal(err)
		}
		return json.RawMessage(data)
	})
}

func TestSend(t *testing.T) {
	r := notifytest.NewReceiver(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
	c := &Channel{Client: post.Client(time.Second), URL: notifytest.Value(r.URL + "/workflows/1/triggers/manual?sig=s")}
	long := notifytest.Samples()[0]
	long.Text, long.Title = strings.Repeat("<", 100_000), strings.Repeat("&", 100_000)
	for _, m := range append(notifytest.Samples(), long) {
		if _, err := c.Send(t.Context(), m, ""); err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range r.Got() {
		notifytest.Check(t, "testdata/message.schema.json", q.Body)
		if len(q.Body) > maxMessage {
			t.Errorf("%d bytes are more than Teams takes", len(q.Body))
		}
	}
}
