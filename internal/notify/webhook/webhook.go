// Package webhook posts messages to a URL of people's own, in a form of their own if they like, and signed.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"text/template"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/notify"
	"github.com/gatemend/gatemend/internal/notify/post"
)

// The headers of a request. The signature is "t=SECONDS,v1=HEX": the HMAC-SHA256, with the secret as its key, of the
// seconds as they are written there, a dot, and the body. Who checks it should refuse what is older than some minutes.
const (
	HeaderSignature = "X-Gatemend-Signature"
	// HeaderKey is the same in all requests of one incident.
	HeaderKey = "X-Gatemend-Key"
)

// Channel is a URL.
type Channel struct {
	Client *http.Client
	URL    notify.Secret
	// Secret signs; nil: nothing is signed.
	Secret notify.Secret
	// Body makes the request's body; nil: the message as JSON.
	Body *Template
	// ContentType is that of the body; empty: application/json.
	ContentType string
	Now         func() time.Time
}

// Updates is true: the receiver is a program, and the key tells it what belongs together.
func (*Channel) Updates() bool { return true }

// document is what is posted without a template.
type document struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	notify.Message
}

// Send posts a message.
func (c *Channel) Send(ctx context.Context, m notify.Message, _ notify.Handle) (notify.Handle, error) {
	target, err := c.URL()
	if err != nil {
		return "", err
	}
	var body []byte
	if c.Body != nil {
		body, err = c.Body.render(m)
	} else {
		body, err = json.Marshal(document{model.APIVersion, "Notification", m})
	}
	if err != nil {
		return "", &notify.RefusedError{Err: err}
	}
	header := http.Header{HeaderKey: {m.Key}}
	if c.ContentType != "" {
		header.Set("Content-Type", c.ContentType)
	}
	if c.Secret != nil {
		secret, err := c.Secret()
		if err != nil {
			return "", err
		}
		header.Set(HeaderSignature, sign(secret, c.Now(), body))
	}
	_, err = post.Send(ctx, c.Client, target, header, body)
	return "", err
}

func sign(secret string, now time.Time, body []byte) string {
	stamp := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + "."))
	mac.Write(body)
	return "t=" + stamp + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// Template is a body of people's own.
type Template struct{ parsed *template.Template }

// maxBody bounds what a template makes.
const maxBody = 1 << 20

// ParseTemplate reads a template of package text/template over the fields of a message; json writes a value as JSON.
// It is tried on a message, so that what is wrong with it is said when the program starts.
func ParseTemplate(text string) (*Template, error) {
	parsed, err := template.New("body").Option("missingkey=error").Funcs(template.FuncMap{"json": toJSON}).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	t := &Template{parsed}
	sample := notify.Message{Key: "cluster/incident", Fields: []notify.Field{{Name: "Phase", Value: "Detected"}}, Ask: &notify.Question{}}
	if _, err := t.render(sample); err != nil {
		return nil, err
	}
	return t, nil
}

func toJSON(v any) (string, error) {
	data, err := json.Marshal(v)
	return string(data), err
}

func (t *Template) render(m notify.Message) ([]byte, error) {
	var b bytes.Buffer
	if err := t.parsed.Execute(&bounded{&b}, m); err != nil {
		return nil, fmt.Errorf("fill in template: %w", err)
	}
	return b.Bytes(), nil
}

// bounded is a writer that takes no more than maxBody.
type bounded struct{ to *bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if b.to.Len()+len(p) > maxBody {
		return 0, errors.New("the body has more than 1 MiB")
	}
	return b.to.Write(p)
}
