package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func TestEveryKindHasItsResource(t *testing.T) {
	read := map[snapshot.Kind]int{}
	for _, r := range resources() {
		read[r.kind]++
		if r.example() == nil || r.plural == "" || len(r.versions) == 0 {
			t.Errorf("%s is incomplete", r.kind)
		}
	}
	for _, k := range snapshot.Kinds() {
		want := 1
		switch k {
		case snapshot.Secrets:
			want = 0
		case snapshot.Other:
			want = len(snapshot.Customs())
		default:
		}
		if read[k] != want {
			t.Errorf("%s is read %d times, want %d", k, read[k], want)
		}
	}
}

// Who is given the rights of config/rbac/reader.yaml can read all that is read.
func TestReaderMayReadEveryResource(t *testing.T) {
	data, err := os.ReadFile("../../../config/rbac/reader.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var role rbacv1.ClusterRole
	if err := yaml.UnmarshalStrict(data, &role); err != nil {
		t.Fatal(err)
	}
	for _, r := range resources() {
		for _, verb := range []string{"get", "list", "watch"} {
			if !slices.ContainsFunc(role.Rules, func(rule rbacv1.PolicyRule) bool {
				return slices.Contains(rule.APIGroups, r.group) && slices.Contains(rule.Resources, r.plural) && slices.Contains(rule.Verbs, verb)
			}) {
				t.Errorf("the role does not allow to %s %s", verb, r)
			}
		}
	}
}

// pages is an API that serves pods in pages; at page expire the continue token has expired, once.
func pages(n, expire int) (access, *int) {
	calls := 0
	return access{list: func(_ context.Context, opts metav1.ListOptions) (runtime.Object, error) {
		calls++
		page := 0
		if opts.Continue != "" {
			if _, err := fmt.Sscanf(opts.Continue, "page-%d", &page); err != nil {
				return nil, err
			}
		}
		if page == expire && expire > 0 {
			expire = 0
			return nil, apierrors.NewResourceExpired("the continue token is too old")
		}
		list := &corev1.PodList{Items: []corev1.Pod{{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("pod-%d", page)}}}}
		if page+1 < n {
			list.Continue = fmt.Sprintf("page-%d", page+1)
		}
		return list, nil
	}}, &calls
}

func TestListReadsAllPages(t *testing.T) {
	for name, tc := range map[string]struct{ expire, calls int }{
		"all at once":              {0, 3},
		"a token expires half-way": {2, 6}, // page 0 and 1, the refusal, then all three
	} {
		t.Run(name, func(t *testing.T) {
			from, calls := pages(3, tc.expire)
			objects, err := list(t.Context(), from)
			if err != nil || len(objects) != 3 || *calls != tc.calls {
				t.Errorf("%d objects in %d calls (%v), want 3 in %d", len(objects), *calls, err, tc.calls)
			}
		})
	}
}

func TestFailed(t *testing.T) {
	pods := schema.GroupResource{Resource: "pods"}
	one := []runtime.Object{&corev1.Pod{}}
	for name, tc := range map[string]struct {
		objects []runtime.Object
		err     error
		want    snapshot.Coverage
		why     string
	}{
		"RBAC":                     {nil, apierrors.NewForbidden(pods, "", errors.New("not yours")), snapshot.Denied, "pods is forbidden: not yours"},
		"the server is in trouble": {nil, apierrors.NewInternalError(errors.New("etcd")), snapshot.Failed, "Internal error occurred: etcd"},
		"after the first page":     {one, apierrors.NewInternalError(errors.New("etcd")), snapshot.Partial, "Internal error occurred: etcd"},
		"the connection":           {nil, errors.New("connection reset"), snapshot.Failed, "connection reset"},
	} {
		t.Run(name, func(t *testing.T) {
			if l := failed(tc.objects, tc.err); l.coverage != tc.want || l.why != tc.why || len(l.objects) != len(tc.objects) {
				t.Errorf("got %q (%s), want %q (%s)", l.coverage, l.why, tc.want, tc.why)
			}
		})
	}
}

func TestRefusal(t *testing.T) {
	denied := listing{coverage: snapshot.Denied, err: errors.New("forbidden")}
	broken := listing{coverage: snapshot.Failed, err: errors.New("reset")}
	absent := listing{coverage: snapshot.NotServed}
	for name, tc := range map[string]struct {
		lists []listing
		want  error
	}{
		"something was read":     {[]listing{denied, {coverage: snapshot.Complete}, broken}, nil},
		"one namespace was read": {[]listing{denied, {coverage: snapshot.Partial}}, nil},
		"all is forbidden":       {[]listing{denied, denied, absent}, ErrForbidden},
		"all is broken":          {[]listing{broken, denied}, ErrUnreachable},
		"not a cluster":          {[]listing{absent, absent}, ErrUnreachable},
		"not logged in":          {[]listing{{coverage: snapshot.Failed, err: apierrors.NewUnauthorized("who are you?")}, denied}, ErrUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			if err := refusal("https://cluster", tc.lists); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

func TestServedVersion(t *testing.T) {
	grants := resource{group: "gateway.networking.k8s.io", versions: []string{"v1", "v1beta1"}, plural: "referencegrants"}
	for name, tc := range map[string]struct {
		serves served
		want   string
		ok     bool
	}{
		"only the old one": {served{known: true, plurals: map[string]map[string]bool{"gateway.networking.k8s.io/v1": {"gateways": true}, "gateway.networking.k8s.io/v1beta1": {"referencegrants": true}}}, "v1beta1", true},
		"none":             {served{known: true}, "", false},
		"the group's server is down: it may be there": {served{known: true, broken: map[string]bool{"gateway.networking.k8s.io/v1": true}}, "v1", true},
		"nothing is known: it may be there":           {served{}, "v1", true},
	} {
		t.Run(name, func(t *testing.T) {
			if got, ok := tc.serves.version(grants); got != tc.want || ok != tc.ok {
				t.Errorf("got %q, %v, want %q, %v", got, ok, tc.want, tc.ok)
			}
		})
	}
}

func TestGraveyard(t *testing.T) {
	now := time.Date(2026, 4, 18, 6, 0, 0, 0, time.UTC)
	g := newGraveyard(func() time.Time { return now })
	service := func(i int) *corev1.Service {
		return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: fmt.Sprintf("s%d", i)}}
	}
	for i := range mostRemembered + 10 {
		g.bury(service(i))
	}
	if got := g.list(); len(got) != mostRemembered || got[0].Object.GetName() != fmt.Sprintf("s%d", mostRemembered+9) {
		t.Errorf("%d remembered, the newest is %s", len(got), got[0].Object.GetName())
	}
	g.revive(snapshot.RefOf(service(mostRemembered + 9)))
	if got := g.list(); len(got) != mostRemembered-1 {
		t.Errorf("%d remembered after one came back, want %d", len(got), mostRemembered-1)
	}
	g.bury(service(20))
	if got := g.list(); len(got) != mostRemembered-1 || got[0].Object.GetName() != "s20" {
		t.Errorf("an object that went twice is remembered twice")
	}
	now = now.Add(rememberedFor + time.Second)
	if got := g.list(); len(got) != 0 {
		t.Errorf("%d remembered for ever", len(got))
	}
}

// A node that is dead keeps nobody from reading the logs of others, and what came before it died is kept.
func TestPodLogsOfADeadNode(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.Path, "/pods/dead/") {
			fmt.Fprint(w, "first\n")
			_ = http.NewResponseController(w).Flush() // or the client has gone
		}
		if !strings.Contains(r.URL.Path, "/pods/well/") {
			<-r.Context().Done()
		}
	}))
	defer server.Close()
	c, err := Connect(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	var wanted []LogRequest
	var want []model.LogExcerpt
	for _, name := range []string{"dead", "dying", "well"} {
		pod := model.Ref{Kind: "Pod", Namespace: "shop", Name: name}
		wanted = append(wanted, LogRequest{Pod: pod, Container: "app"})
		if name != "dead" {
			want = append(want, model.LogExcerpt{Pod: pod, Container: "app", Lines: []string{"first"}})
		}
	}
	got, err := PodLogs(t.Context(), c.Kube, LogOptions{Within: 300 * time.Millisecond}, wanted...)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("excerpts (-want +got):\n%s", diff)
	}
	for _, name := range []string{"dead", "dying"} {
		if err == nil || !strings.Contains(err.Error(), "shop/"+name+" container app: no answer within 300ms") {
			t.Errorf("got error %v, want one about %s", err, name)
		}
	}
}

func TestPodLogs(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.Contains(r.URL.Path, "/pods/silent/"):
			http.Error(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"BadRequest","code":400,"message":"is waiting to start"}`, http.StatusBadRequest)
		case strings.Contains(r.URL.Path, "/pods/guarded/"):
			http.Error(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,"message":"not yours"}`, http.StatusForbidden)
		case r.URL.Query().Get("previous") == "true":
			fmt.Fprint(w, "panic: out of range")
		default:
			fmt.Fprintf(w, "first\r\n\nlines asked for: %s\nlast\n", r.URL.Query().Get("tailLines"))
		}
	}))
	defer server.Close()
	c, err := Connect(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	pod := func(name string) model.Ref { return model.Ref{Kind: "Pod", Namespace: "shop", Name: name} }
	got, err := PodLogs(t.Context(), c.Kube, LogOptions{},
		LogRequest{Pod: pod("silent"), Container: "app"},
		LogRequest{Pod: pod("web"), Container: "app"},
		LogRequest{Pod: pod("guarded"), Container: "app"},
		LogRequest{Pod: pod("web"), Container: "app", Previous: true})
	want := []model.LogExcerpt{
		{Pod: pod("web"), Container: "app", Lines: []string{"first", "lines asked for: 200", "last"}},
		{Pod: pod("web"), Container: "app", Previous: true, Lines: []string{"panic: out of range"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("excerpts (-want +got):\n%s", diff)
	}
	if err == nil || !strings.Contains(err.Error(), "shop/guarded") || !apierrors.IsForbidden(err) {
		t.Errorf("got error %v, want one about shop/guarded", err)
	}
	got, err = PodLogs(t.Context(), c.Kube, LogOptions{Bytes: 8}, LogRequest{Pod: pod("web"), Container: "app"})
	if err != nil || len(got) != 1 || cmp.Diff(got[0].Lines, []string{"last"}) != "" {
		t.Errorf("with few bytes: got %v (%v), want the last line", got, err)
	}
}
