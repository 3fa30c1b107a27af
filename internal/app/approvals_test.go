package app

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/approval"
	"github.com/gatemend/gatemend/internal/cli"
	"github.com/gatemend/gatemend/internal/notify"
)

const waiting = "5f0c9a2b7d3e1148"

// fakeAPI is an API server with one incident, whose plan waits for an answer in namespaces shop and pay.
type fakeAPI struct {
	mu sync.Mutex
	// answers are statuses by method and path; 0: as it should be.
	answers map[string]int
	made    []v1alpha1.RemediationApproval
	as      []string // in whose name
}

func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	status := func(code int, reason string) {
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": reason, "code": code})
	}
	switch code := f.answers[r.Method+" "+r.URL.Path]; {
	case code == http.StatusForbidden:
		status(code, "Forbidden")
	case code == http.StatusUnauthorized:
		status(code, "Unauthorized")
	case code != 0:
		status(code, "InternalError")
	case r.Method == http.MethodGet && r.URL.Path == "/apis/gatemend.dev/v1alpha1/namespaces/shop/incidents/cart-1":
		i := v1alpha1.Incident{}
		i.APIVersion, i.Kind, i.Namespace, i.Name = v1alpha1.APIVersion, "Incident", "shop", "cart-1"
		i.Status.Phase, i.Status.Plan = v1alpha1.PhaseAwaitingApproval, &v1alpha1.Plan{ID: waiting, ApprovalNamespaces: []string{"shop", "pay"}}
		_ = json.NewEncoder(w).Encode(i)
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/remediationapprovals"):
		var a v1alpha1.RemediationApproval
		if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
			status(http.StatusBadRequest, err.Error())
			return
		}
		f.made, f.as = append(f.made, a), append(f.as, r.Header.Get("Impersonate-User"))
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(a)
	default:
		status(http.StatusNotFound, "NotFound")
	}
}

func startAPI(t *testing.T) (*fakeAPI, approval.Desk) {
	t.Helper()
	api := &fakeAPI{answers: map[string]int{}}
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	return api, approval.Desk{Config: &rest.Config{Host: server.URL}}
}

const (
	theIncident = "GET /apis/gatemend.dev/v1alpha1/namespaces/shop/incidents/cart-1"
	inShop      = "POST /apis/gatemend.dev/v1alpha1/namespaces/shop/remediationapprovals"
	inPay       = "POST /apis/gatemend.dev/v1alpha1/namespaces/pay/remediationapprovals"
)

// A click becomes an approval in the name of the user, and its errors are those that people who click are told of.
func TestAClickBecomesAnApproval(t *testing.T) {
	yes := notify.Approval{
		Question: notify.Question{Cluster: "eu-1", Incident: "shop/cart-1", Plan: waiting}, Yes: true, User: "ann", Identity: "annie (U1)", Through: "slack",
	}
	with := func(change func(*notify.Approval)) notify.Approval {
		a := yes
		change(&a)
		return a
	}
	other := errors.New("another error")
	for _, c := range []struct {
		name    string
		click   notify.Approval
		answers map[string]int
		want    error // nil: it counts
		made    int
	}{
		{"a yes", yes, nil, nil, 2},
		{"a no", with(func(a *notify.Approval) { a.Yes = false }), nil, nil, 2},
		{"with a right in one of two namespaces", yes, map[string]int{inPay: 403}, nil, 1},
		{"without a right", yes, map[string]int{inShop: 403, inPay: 403}, notify.ErrNotAllowed, 0},
		{"of another cluster", with(func(a *notify.Approval) { a.Cluster = "us-1" }), nil, notify.ErrTooLate, 0},
		{"of an incident without a namespace", with(func(a *notify.Approval) { a.Incident = "cart-1" }), nil, notify.ErrTooLate, 0},
		{"of an incident that is gone", with(func(a *notify.Approval) { a.Incident = "shop/cart-2" }), nil, notify.ErrTooLate, 0},
		{"of a plan that is another one by now", with(func(a *notify.Approval) { a.Plan = "0000000000000000" }), nil, notify.ErrTooLate, 0},
		{"while the API server is ill", yes, map[string]int{theIncident: 500}, other, 0},
		{"while the API server cannot write", yes, map[string]int{inShop: 500}, other, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			api, d := startAPI(t)
			api.answers = c.answers
			err := clerkOfClicks{d, "eu-1"}.Approve(t.Context(), c.click)
			for _, known := range []error{notify.ErrNotAllowed, notify.ErrTooLate} {
				if got, want := errors.Is(err, known), errors.Is(c.want, known); got != want {
					t.Errorf("is %q: %v, got %v", known, got, err)
				}
			}
			if (err == nil) != (c.want == nil) || len(api.made) != c.made {
				t.Fatalf("got %v and %d approvals", err, len(api.made))
			}
			for n, a := range api.made {
				decision := v1alpha1.Reject
				if c.click.Yes {
					decision = v1alpha1.Approve
				}
				s := a.Spec
				if api.as[n] != "ann" || s.User != "ann" || s.Decision != decision || s.Plan != waiting || s.Incident.Name != "cart-1" || s.Incident.Namespace != "shop" {
					t.Errorf("in the name of %q: %+v", api.as[n], s)
				}
				if a.Annotations[v1alpha1.AnnotationThrough] != "slack" || !strings.Contains(s.Reason, "annie (U1)") {
					t.Errorf("%v, reason %q", a.Annotations, s.Reason)
				}
			}
		})
	}
}

// A click goes to the channel that it came from.
func TestClicksGoToTheirChannel(t *testing.T) {
	h := buttons(map[string]http.Handler{
		"shop": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "shop") }),
		"pay":  http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "pay") }),
	})
	for path, want := range map[string]string{"/notify/shop": "shop", "/notify/pay": "pay", "/notify/none": "404", "/notify/": "404", "/": "404"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, http.NoBody))
		if got := w.Body.String(); got != want && !strings.HasPrefix(got, want) {
			t.Errorf("%s: %d %q", path, w.Code, got)
		}
	}
	var usage *cli.UsageError
	if err := serveButtons(t.Context(), "127.0.0.1:0", nil); !errors.As(err, &usage) {
		t.Errorf("without any channel: %v", err)
	}
	if err := serveButtons(t.Context(), "", nil); err != nil {
		t.Errorf("not asked for: %v", err)
	}
}

// Who approves and gets no answer, or may not even look, is told what to do next.
func TestApprovingWithoutAnAnswer(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	dead := approvals{approval.Desk{Config: &rest.Config{Host: server.URL}}}
	api, d := startAPI(t)
	decide := func(a approvals) error {
		_, err := a.Decide(t.Context(), approval.Decision{Namespace: "shop", Incident: "cart-1", Plan: waiting, As: "ann"})
		return err
	}
	look := func(a approvals) error {
		_, err := a.Incident(t.Context(), "shop", "cart-1")
		return err
	}
	for _, c := range []struct {
		name   string
		do     func(approvals) error
		of     approvals
		answer int
		hint   string
	}{
		{"nobody listens, look", look, dead, 0, "kubectl cluster-info"},
		{"nobody listens, decide", decide, dead, 0, "kubectl cluster-info"},
		{"unknown to the API server", look, approvals{d}, 401, "kubectl auth whoami"},
		{"no right to look", look, approvals{d}, 403, "gatemend-approver"},
	} {
		api.answers[theIncident] = c.answer
		var hinted *cli.HintedError
		if err := c.do(c.of); !errors.As(err, &hinted) || !strings.Contains(hinted.Hint, c.hint) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	api.answers[theIncident] = 0
	if err := decide(approvals{d}); err != nil {
		t.Errorf("with an answer: %v", err)
	}
	api.answers[inShop], api.answers[inPay] = 403, 403
	if err := decide(approvals{d}); !errors.Is(err, approval.ErrDenied) {
		t.Errorf("the command words what it knows: %v", err)
	}
}
