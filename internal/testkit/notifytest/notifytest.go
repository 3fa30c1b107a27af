// Package notifytest has messages, and a receiver that remembers what it was sent.
package notifytest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/notify"
	"github.com/gatemend/gatemend/internal/testkit"
	"github.com/gatemend/gatemend/internal/testkit/storetest"
)

// Incident is an incident in a phase.
func Incident(phase model.Phase) model.Incident {
	i := storetest.Sample("eu-1", "cart-1")
	i.Phase, i.Because = phase, "a person decides: policy shop/services"
	i.Proposal.Kubectl = `kubectl patch service cart -n shop --type json -p '[{"op":"replace"}]'`
	i.Proposal.Diff = "--- Service shop/cart\n+++ Service shop/cart\n-    targetPort: 8080\n+    targetPort: 9090\n"
	if !phase.Ended() {
		i.Closed, i.Actions, i.Decisions = time.Time{}, nil, nil
	}
	return i
}

// Samples are messages of an incident's life, and one whose every text is long and hostile.
func Samples() []notify.Message {
	var all []notify.Message
	for _, p := range []model.Phase{model.PhaseDetected, model.PhaseAwaitingApproval, model.PhaseMending, model.PhaseResolved, model.PhaseEscalated} {
		all = append(all, notify.Compose(Incident(p)))
	}
	hostile := Incident(model.PhaseAwaitingApproval)
	long := strings.Repeat("<!channel> & ```<https://evil.example|x>``` *b* \x1b[31m\x00\xff\r\nBcc: x@example.com ü ", 400)
	hostile.ID, hostile.Summary, hostile.Because, hostile.Routes = strings.Repeat("i", 600), long, long, []string{long}
	hostile.Object.Name, hostile.Cause = long, model.CauseID(long)
	hostile.Proposal.Kubectl, hostile.Proposal.Diff, hostile.Proposal.Summary = long, long, long
	return append(all, notify.Compose(hostile))
}

// Golden compares what is sent for the samples, but the hostile one, with a file.
func Golden(t *testing.T, file string, render func(notify.Message) any) {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	samples := Samples()
	for _, m := range samples[:len(samples)-1] {
		b.WriteString("-- " + string(m.Phase) + " --\n")
		if err := e.Encode(render(m)); err != nil {
			t.Fatal(err)
		}
	}
	testkit.Golden(t, file, b.String())
}

// Check compares a request's body with a JSON Schema.
func Check(t *testing.T, schemaFile string, body []byte) {
	t.Helper()
	text, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(schemaFile, parsed); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		t.Fatalf("%v in %.200s", err, body)
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("%v\n%.2000s", err, body)
	}
}

// Request is what a receiver got.
type Request struct {
	Path   string // with the query
	Header http.Header
	Body   []byte
}

// Receiver answers requests and remembers them.
type Receiver struct {
	*httptest.Server
	mu       sync.Mutex
	requests []Request
}

// NewReceiver starts a receiver on the loopback interface.
func NewReceiver(t *testing.T, answer http.HandlerFunc) *Receiver {
	t.Helper()
	r := &Receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		r.requests = append(r.requests, Request{Path: req.URL.RequestURI(), Header: req.Header, Body: body})
		r.mu.Unlock()
		answer(w, req)
	}))
	t.Cleanup(r.Close)
	return r
}

// Got are the requests so far.
func (r *Receiver) Got() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Request(nil), r.requests...)
}

// Value is a secret that is always the same.
func Value(s string) notify.Secret { return func() (string, error) { return s, nil } }
