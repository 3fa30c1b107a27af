package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
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

// verify is what docs/notifications.md tells receivers to do.
func verify(q notifytest.Request, secret string, now time.Time) error {
	var stamp int64
	var sum string
	if _, err := fmt.Sscanf(q.Header.Get("X-Gatemend-Signature"), "t=%d,v1=%s", &stamp, &sum); err != nil {
		return err
	}
	if age := now.Sub(time.Unix(stamp, 0)); age > 5*time.Minute || age < -5*time.Minute {
		return errors.New("too old")
	}
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d.%s", stamp, q.Body)
	if got, err := hex.DecodeString(sum); err != nil || !hmac.Equal(got, mac.Sum(nil)) {
		return errors.New("another signature")
	}
	return nil
}

func TestSignedAndWhole(t *testing.T) {
	now := time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)
	r := notifytest.NewReceiver(t, func(http.ResponseWriter, *http.Request) {})
	c := &Channel{Client: post.Client(time.Second), URL: notifytest.Value(r.URL), Secret: notifytest.Value("s"), Now: func() time.Time { return now }}
	for _, m := range notifytest.Samples() {
		if _, err := c.Send(t.Context(), m, ""); err != nil {
			t.Fatal(err)
		}
	}
	for n, q := range r.Got() {
		if err := verify(q, "s", now.Add(time.Minute)); err != nil {
			t.Error(err)
		}
		if verify(q, "another", now) == nil || verify(q, "s", now.Add(time.Hour)) == nil {
			t.Error("a signature of somebody else, or an old one, was accepted")
		}
		var got struct {
			APIVersion, Kind string
			notify.Message
		}
		if err := json.Unmarshal(q.Body, &got); err != nil || got.Kind != "Notification" || got.Title != notifytest.Samples()[n].Title {
			t.Errorf("got %+v, %v", got, err)
		}
		if q.Header.Get("X-Gatemend-Key") != got.Key || q.Header.Get("Content-Type") != "application/json" {
			t.Errorf("got %v", q.Header)
		}
	}
}

func TestGolden(t *testing.T) {
	notifytest.Golden(t, "testdata/bodies.golden", func(m notify.Message) any { return document{"gatemend.dev/v1alpha1", "Notification", m} })
}

func TestTemplate(t *testing.T) {
	for text, want := range map[string]string{
		`{"text": {{json .Title}}, "id": {{json .Key}}}`:                              `{"text": "502, no answer on shop.example.com/cart and 1 more", "id": "eu-1/cart-1"}`,
		`{{range .Fields}}{{if eq .Name "Phase"}}{{.Value}}{{end}}{{end}} {{.State}}`: "Detected firing",
	} {
		parsed, err := ParseTemplate(text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parsed.render(notifytest.Samples()[0])
		if err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
	// What is wrong with a template is said when it is read.
	for _, text := range []string{"{{", "{{.Nothing}}", "{{nothing 1}}", "{{range $i := .Title}}{{end}}", `{{template "x"}}`,
		`{{range $a := .Fields}}` + strings.Repeat("x", maxBody+1) + `{{end}}`} {
		if _, err := ParseTemplate(text); err == nil {
			t.Errorf("%.40s was accepted", text)
		}
	}
}
