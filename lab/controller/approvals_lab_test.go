//go:build lab

package controller_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/gatemend/gatemend/internal/install"
	"github.com/gatemend/gatemend/lab/binary"
	"github.com/gatemend/gatemend/lab/cluster"
	"github.com/gatemend/gatemend/lab/manifest"
)

const signingSecret = "only-for-the-lab"

// slackAPI is what the bot of a channel talks to: it keeps the last form of each message.
type slackAPI struct {
	mu       sync.Mutex
	messages int
	latest   map[string]json.RawMessage // by timestamp
	order    []string
}

func (s *slackAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var m struct {
		TS string `json:"ts"`
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil || json.Unmarshal(body, &m) != nil {
		http.Error(w, "no message", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.TS == "" {
		s.messages++
		m.TS = fmt.Sprintf("%d.000100", s.messages)
		s.order = append(s.order, m.TS)
	}
	s.latest[m.TS] = body
	_ = json.NewEncoder(w).Encode(map[string]any{"ok": true, "channel": "C1", "ts": m.TS})
}

// button is the value of a button of the newest message that has one, about an incident.
func (s *slackAPI) button(incident, action string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ts := range s.order {
		var m struct {
			Blocks []struct {
				Elements []struct {
					ActionID string `json:"action_id"`
					Value    string `json:"value"`
				} `json:"elements"`
			} `json:"blocks"`
		}
		if json.Unmarshal(s.latest[ts], &m) != nil {
			continue
		}
		for _, block := range m.Blocks {
			for _, e := range block.Elements {
				if e.ActionID == action && strings.Contains(e.Value, incident) {
					return e.Value, true
				}
			}
		}
	}
	return "", false
}

// TestApproved has plans approved by people: with kubectl, and by the button of a notification. Who has no right is refused,
// and so is a click that Slack has not signed; nothing is touched then.
func TestApproved(t *testing.T) {
	b := open(t)
	slack := &slackAPI{latest: map[string]json.RawMessage{}}
	at := b.serve(t, slack)
	b.people(t)
	b.installChart(t, map[string]any{
		"mode": "auto",
		"notifications": map[string]any{
			"buttons": true, "secret": "notify",
			"channels": []any{map[string]any{"name": "shop", "slack": map[string]any{
				"channel": "C1", "api": at, "tokenFile": "/etc/gatemend/notify/token", "signingSecretFile": "/etc/gatemend/notify/signing",
				"users": map[string]any{"UANN": "ann", "UBOB": "bob"},
			}}},
		},
	})
	if err := b.Client.Apply(t.Context(), policy("approve")); err != nil {
		t.Fatal(err)
	}
	b.vouched(t)
	b.approvedByKubectl(t)
	b.approvedByButton(t, slack)
	if denied := b.denied(t); len(denied) > 0 {
		t.Errorf("it may not do what it tries to: %s", strings.Join(denied, ", "))
	}
	b.bounded(t)
}

// vouched waits until what vouches for the authors of approvals has been there for long enough: approvals that are older
// than that do not count, and the incident says so.
func (b *bench) vouched(t *testing.T) {
	t.Helper()
	const settled = 15 * time.Second // controller.Options.Settles, and whole seconds
	binding, err := b.Client.Kube.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings().Get(t.Context(), "gatemend-approvals", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b.Await(t, "approvals to count", time.Minute, func() bool { return time.Since(binding.CreationTimestamp.Time) > settled })
}

// serve serves something at an address of the node that pods reach.
func (b *bench) serve(t *testing.T, h http.Handler) string {
	t.Helper()
	l, err := b.Listen(t.Context(), net.JoinHostPort(b.Nodes()[0].IP, "0"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // until it is closed
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return "http://" + l.Addr().String()
}

// people are ann, who may approve in the shop's namespace, and bob, who may look; the Secret is that of the channel.
func (b *bench) people(t *testing.T) {
	t.Helper()
	subject := func(name string) []rbacv1.Subject {
		return []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: name}}
	}
	err := b.Client.Apply(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: install.Namespace}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: install.Namespace, Name: "notify"}, StringData: map[string]string{"token": "xoxb-lab", "signing": signingSecret}},
		&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: manifest.Namespace, Name: "approvers"}, Subjects: subject("ann"),
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "gatemend-approver"},
		},
		&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: manifest.Namespace, Name: "viewers"}, Subjects: subject("bob"),
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "view"},
		})
	if err != nil {
		t.Fatal(err)
	}
}

// waits breaks something and waits until its plan waits for a person.
func (b *bench) waits(t *testing.T, name string) unstructured.Unstructured {
	t.Helper()
	before, f := b.incidents(t), b.breaks(t, name)
	b.awaitNew(t, f, before, "AwaitingApproval")
	list, err := b.Client.Dynamic.Resource(incidents).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range list.Items {
		if phase, _, _ := unstructured.NestedString(i.Object, "status", "phase"); !before[i.GetName()] && phase == "AwaitingApproval" {
			return i
		}
	}
	t.Fatal("the incident waits no more")
	return unstructured.Unstructured{}
}

func planOf(i unstructured.Unstructured) string {
	id, _, _ := unstructured.NestedString(i.Object, "status", "plan", "id")
	return id
}

// ended waits until an incident is resolved, and checks that one change was made, and whose yes it was.
func (b *bench) ended(t *testing.T, i unstructured.Unstructured, wrote int, through string) {
	t.Helper()
	var last *unstructured.Unstructured
	defer func() {
		if t.Failed() && last != nil {
			text, _ := json.MarshalIndent(last.Object["status"], "", " ") // it was read from JSON
			t.Logf("%s: %s", i.GetName(), text)
		}
	}()
	b.Await(t, "the incident to be resolved", answersWithin, func() bool {
		var err error
		last, err = b.Client.Dynamic.Resource(incidents).Namespace(i.GetNamespace()).Get(t.Context(), i.GetName(), metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		phase, _, _ := unstructured.NestedString(last.Object, "status", "phase")
		return phase == "Resolved"
	})
	b.calm(t)
	if now := b.wrote(t); len(now) != wrote+1 {
		t.Errorf("it changed %v", now[wrote:])
	}
	decisions, _, _ := unstructured.NestedSlice(last.Object, "status", "decisions")
	for _, d := range decisions {
		if d, ok := d.(map[string]any); ok && d["user"] == "ann" && d["verdict"] == "Approve" && (through == "" || d["through"] == through) {
			t.Logf("%s: approved by ann, %v, because %q", i.GetName(), d["through"], d["because"])
			return
		}
	}
	t.Errorf("nobody's yes is recorded as ann's: %v", decisions)
}

var approvals = schema.GroupVersionResource{Group: "gatemend.dev", Version: "v1alpha1", Resource: "remediationapprovals"}

// untouched checks that nothing was changed, and that nobody has approved.
func (b *bench) untouched(t *testing.T, wrote, approved int) {
	t.Helper()
	list, err := b.Client.Dynamic.Resource(approvals).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Items) != approved || len(b.wrote(t)) != wrote {
		t.Fatalf("%d approvals, want %d; it changed %v", len(list.Items), approved, b.wrote(t)[wrote:])
	}
}

// approvedByKubectl has a plan approved with kubectl, as users whom the API server knows by impersonation.
func (b *bench) approvedByKubectl(t *testing.T) {
	t.Helper()
	wrote := len(b.wrote(t))
	i := b.waits(t, "wrong-target-port")
	kubectl := b.kubectl(t)
	create := func(as, user string) (string, error) {
		object := fmt.Sprintf(`{"apiVersion":"gatemend.dev/v1alpha1","kind":"RemediationApproval","metadata":{"generateName":"yes-","namespace":%q},
			"spec":{"incident":{"name":%q},"plan":%q,"decision":"Approve","user":%q,"reason":"seen in the lab"}}`, i.GetNamespace(), i.GetName(), planOf(i), user)
		return kubectl(object, "--as="+as, "create", "-f", "-")
	}
	for _, c := range []struct{ as, user, says string }{
		{"bob", "bob", "cannot create resource"}, // no right
		{"ann", "bob", "spec.user"},              // in another's name
		{"bob", "ann", "cannot create resource"},
	} {
		if out, err := create(c.as, c.user); err == nil || !strings.Contains(out, c.says) {
			t.Errorf("%s creates an approval of %s: %v\n%s", c.as, c.user, err, out)
		}
	}
	b.untouched(t, wrote, 0)
	if out, err := create("ann", "ann"); err != nil {
		t.Fatalf("ann may not approve: %v\n%s", err, out)
	}
	b.ended(t, i, wrote, "")
}

// kubectl runs the real one as the cluster's administrator, who may impersonate anybody.
func (b *bench) kubectl(t *testing.T) func(in string, args ...string) (string, error) {
	t.Helper()
	store, err := binary.Open("", ".", t.Output())
	if err != nil {
		t.Fatal(err)
	}
	programs, err := store.Ensure(t.Context(), "kubectl")
	if err != nil {
		t.Fatal(err)
	}
	return func(in string, args ...string) (string, error) {
		var out bytes.Buffer
		err := b.Exec(t.Context(), append([]string{programs["kubectl"]}, args...), cluster.Stdio{In: strings.NewReader(in), Out: &out, Err: &out})
		return out.String(), err
	}
}

// approvedByButton has a plan approved by the button of the message that the channel got.
func (b *bench) approvedByButton(t *testing.T, slack *slackAPI) {
	t.Helper()
	wrote := len(b.wrote(t))
	i := b.waits(t, "wrong-selector")
	var value string
	b.Await(t, "a message with buttons", time.Minute, func() bool {
		var ok bool
		value, ok = slack.button(i.GetName(), "gatemend_approve")
		return ok
	})
	for _, c := range []struct {
		name, user, secret string
		code               int
	}{
		{"a wrong signature", "UANN", "guess", http.StatusUnauthorized},
		{"nobody of the cluster", "UXXX", signingSecret, http.StatusOK},
		{"a user without the right", "UBOB", signingSecret, http.StatusOK},
	} {
		if code := b.click(t, c.user, c.secret, value); code != c.code {
			t.Errorf("%s: answered %d", c.name, code)
		}
		b.untouched(t, wrote, 1)
	}
	b.refused(t, "has not signed", "UXXX", "no right")
	if code := b.click(t, "UANN", signingSecret, value); code != http.StatusOK {
		t.Fatalf("ann's click: answered %d", code)
	}
	b.ended(t, i, wrote, "slack")
}

// click posts what Slack posts when somebody clicks, to a controller's pod as a gateway would.
func (b *bench) click(t *testing.T, user, secret, value string) int {
	t.Helper()
	service, err := b.Client.Kube.CoreV1().Services(install.Namespace).Get(t.Context(), "gatemend", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(map[string]any{
		"type": "block_actions", "user": map[string]string{"id": user, "username": strings.ToLower(user)},
		"actions": []map[string]string{{"action_id": "gatemend_approve", "value": value}},
	})
	if err != nil {
		t.Fatal(err)
	}
	body := url.Values{"payload": {string(payload)}}.Encode()
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "v0:%s:%s", stamp, body)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+net.JoinHostPort(service.Spec.ClusterIP, "8090")+"/notify/shop", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Slack-Request-Timestamp", stamp)
	r.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		return b.DialContext(ctx, network, address)
	}}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport, Timeout: time.Minute}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// refused checks that the replicas have logged why clicks did not count.
func (b *bench) refused(t *testing.T, whys ...string) {
	t.Helper()
	var all strings.Builder
	for line := range strings.Lines(b.logged(t)) {
		if strings.Contains(line, "a click was refused") {
			all.WriteString(line)
		}
	}
	for _, why := range whys {
		if !strings.Contains(all.String(), why) {
			t.Errorf("no click was refused for %q", why)
		}
	}
	t.Logf("refused clicks:\n%s", all.String())
}
