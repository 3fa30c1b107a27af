//go:build integration

package controller_test

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
	"strconv"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/approval"
	"github.com/gatemend/gatemend/internal/controller"
	"github.com/gatemend/gatemend/internal/notify"
	"github.com/gatemend/gatemend/internal/notify/slack"
)

// desk makes clicks count as the program does.
type desk struct{ approval.Desk }

func (d desk) Approve(ctx context.Context, a notify.Approval) error {
	namespace, name, _ := strings.Cut(a.Incident, "/")
	answer := v1alpha1.Reject
	if a.Yes {
		answer = v1alpha1.Approve
	}
	_, err := d.Decide(ctx, approval.Decision{Namespace: namespace, Incident: name, Plan: a.Plan, Answer: answer, Through: a.Through, As: a.User})
	return err
}

// click sends what Slack sends when somebody clicks on a button, signed by a secret.
func click(t *testing.T, handler http.Handler, secret, user, action string, q notify.Question) int {
	t.Helper()
	value, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(map[string]any{
		"type": "block_actions", "user": map[string]string{"id": user, "username": strings.ToLower(user)},
		"actions": []map[string]string{{"action_id": action, "value": string(value)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	body := url.Values{"payload": {string(payload)}}.Encode()
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "v0:%s:%s", stamp, body)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/notify/shop", strings.NewReader(body))
	r.Header.Set("X-Slack-Request-Timestamp", stamp)
	r.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Code
}

// A click on a notification's button counts as the user's own approval: the API server, asked in that user's name, refuses
// one who has no right, and one in whose name gatemend may not ask. Also at the prompt nobody approves as somebody else.
func TestAClickApproves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a", controller.Auto, nil)
	w.setPort(badPort)
	i := w.awaitPhase(v1alpha1.PhaseAwaitingApproval)
	plan := i.Status.Plan.ID
	w.create(&rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: "approvers"},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"users"}, ResourceNames: []string{"ann", "bob"}, Verbs: []string{"impersonate"}}},
	})
	w.create(&rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "approvers"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "approvers"},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.UserKind, Name: "gatemend"}},
	})
	create := rbacv1.PolicyRule{APIGroups: []string{v1alpha1.Group}, Resources: []string{"remediationapprovals"}, Verbs: []string{"create"}}
	w.api.Allow(t, "ann", "shop", create)
	w.api.Allow(t, "eve", "shop", create)
	w.awaitVouched()

	var refused []error
	handler := &slack.Handler{
		SigningSecret: func() (string, error) { return "s3cret", nil }, Now: time.Now, Client: http.DefaultClient,
		Users:    map[string]string{"UANN": "ann", "UBOB": "bob", "UEVE": "eve"},
		Approver: desk{approval.Desk{Config: w.user()}},
		Told:     func(err error) { refused = append(refused, err) },
	}
	q := notify.Question{Cluster: "default", Incident: "shop/" + i.Name, Plan: plan}
	old := q
	old.Plan = "00000000deadbeef"
	for _, c := range []struct {
		name, secret, user string
		q                  notify.Question
		want               error
	}{
		{"not signed", "guess", "UANN", q, nil},
		{"no right", "s3cret", "UBOB", q, approval.ErrDenied},
		{"gatemend may not speak for eve", "s3cret", "UEVE", q, approval.ErrDenied},
		{"nobody of the cluster", "s3cret", "UXXX", q, notify.ErrNotAllowed},
		{"another plan", "s3cret", "UANN", old, approval.ErrTooLate},
	} {
		before := len(refused)
		click(t, handler, c.secret, c.user, "gatemend_approve", c.q)
		if len(refused) != before+1 || c.want != nil && !errors.Is(refused[before], c.want) {
			t.Errorf("%s: refused %v", c.name, refused[before:])
		}
	}
	if _, err := (approval.Desk{Config: w.api.Admin}).Decide(t.Context(), approval.Decision{Namespace: "shop", Incident: "none", Plan: plan}); !errors.Is(err, approval.ErrNoIncident) {
		t.Errorf("got %v", err)
	}
	var none v1alpha1.RemediationApprovalList
	if err := clientFor(t, w.api.Admin).List(t.Context(), &none); err != nil || len(none.Items) != 0 || w.port() != badPort {
		t.Fatalf("%d approvals, %v, port %d", len(none.Items), err, w.port())
	}

	if code := click(t, handler, "s3cret", "UANN", "gatemend_approve", q); code != http.StatusOK || len(refused) != 5 {
		t.Fatalf("answered %d, refused %v", code, refused)
	}
	i = w.awaitPhase(v1alpha1.PhaseResolved)
	last := i.Status.Decisions[len(i.Status.Decisions)-1]
	if last.User != "ann" || last.Through != "slack" || last.Plan != plan || w.port() != goodPort {
		t.Errorf("decisions %+v, port %d", i.Status.Decisions, w.port())
	}
	click(t, handler, "s3cret", "UANN", "gatemend_approve", q)
	if len(refused) != 6 || !errors.Is(refused[5], approval.ErrTooLate) {
		t.Errorf("a second click: %v", refused)
	}
}
