package all

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// statusOf is the status that a parser reads in a line; 0 if it reads none.
func statusOf(p proxy.Parser, line string) int {
	var s model.Signal
	p.Parse([]byte(line), &s)
	return s.Status
}

func TestFormats(t *testing.T) {
	f, err := ParseFormats([]string{
		`nginx:$status all`, `edge=nginx:$status namespace`, `edge/lb=envoy:%RESPONSE_CODE% workload=x`, `other=auto`,
	})
	if err != nil {
		t.Fatal(err)
	}
	const builtin = `192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 502 12 "-" "curl" 80 0.012 [shop-web-http] [] 10.1.0.5:80 0 0.011 502 0af1`
	const haproxy = `192.0.2.1:50 [04/May/2026:08:30:15.123] http a_svc_b_80/SRV_1 0/0/-1/-1/4 502 5 - - SC-- 1/1/0/0/0 0/0 "GET shop.test/ HTTP/2.0"`
	for name, test := range map[string]struct {
		proxy, namespace, pod string
		reads                 []string
	}{
		"all that run the proxy":        {"nginx", "a", "b", []string{"502 all"}},
		"none that run another":         {"haproxy", "a", "b", []string{haproxy}},
		"those of a namespace":          {"nginx", "edge", "b", []string{"502 namespace"}},
		"whatever runs there":           {"kong", "edge", "b", []string{"502 namespace"}},
		"those of a workload":           {"nginx", "edge", "lb-7d9f-x2x", []string{"502 workload=x"}},
		"a pod of that name":            {"nginx", "edge", "lb", []string{"502 workload=x"}},
		"no pod whose name only begins": {"nginx", "edge", "lbx-1", []string{"502 namespace"}},
		"what is found out":             {"nginx", "other", "b", []string{builtin, haproxy}},
	} {
		p, _ := Named(test.proxy)
		parser := f.Parser(p, model.Ref{Kind: "Pod", Namespace: test.namespace, Name: test.pod})
		for _, line := range []string{"502 all", "502 namespace", "502 workload=x", builtin, haproxy} {
			if got, want := statusOf(parser, line) == 502, slices.Contains(test.reads, line); got != want {
				t.Errorf("%s: reads %q: %v", name, line, got)
			}
		}
	}
	nginx, _ := Named("nginx")
	if statusOf(Formats{}.Parser(nginx, model.Ref{}), builtin) != 502 {
		t.Error("nothing was told, and the default form is not read")
	}
	for _, wrong := range []string{"a/b=", "x=apache", "nginx:$uri"} {
		if _, err := ParseFormats([]string{wrong}); (err == nil) != (wrong == "a/b=") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

// TestConfiguredFormats: what a workload's configuration sets is read beside the default form, and not where somebody told another.
func TestConfiguredFormats(t *testing.T) {
	const builtin = `192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 502 12 "-" "curl" 80 0.012 [shop-web-http] [] 10.1.0.5:80 0 0.011 502 0af1`
	nginx, _ := Named("nginx")
	haproxy, _ := Named("haproxy")
	set := func(f Formats) Formats {
		return f.With(nginx, "edge", "lb", "$status own").With(nginx, "edge", "broken", "$uri").With(nginx, "edge", "lb", "$status own")
	}
	told, err := ParseFormats([]string{"nginx:$status told"})
	if err != nil {
		t.Fatal(err)
	}
	f := set(Formats{})
	if len(f.set) != 1 {
		t.Errorf("%d forms are set, not 1", len(f.set))
	}
	for name, test := range map[string]struct {
		formats Formats
		proxy   proxy.Proxy
		pod     string
		reads   []string
	}{
		"of the workload":        {f, nginx, "lb-7d9f-x2x", []string{builtin, "502 own"}},
		"of another workload":    {f, nginx, "web-7d9f-x2x", []string{builtin}},
		"of another proxy":       {f, haproxy, "lb-7d9f-x2x", nil},
		"where another was told": {set(told), nginx, "lb-7d9f-x2x", []string{"502 told"}},
	} {
		parser := test.formats.Parser(test.proxy, model.Ref{Kind: "Pod", Namespace: "edge", Name: test.pod})
		for _, line := range []string{builtin, "502 own", "502 told"} {
			if got, want := statusOf(parser, line) == 502, slices.Contains(test.reads, line); got != want {
				t.Errorf("%s: reads %q: %v", name, line, got)
			}
		}
	}
}

func TestIdleFormats(t *testing.T) {
	told := []string{`nginx:$status`, `haproxy:%ST`, `edge=nginx:$status`, `edge/lb=auto`, `egde/lb=auto`}
	f, err := ParseFormats(told)
	if err != nil {
		t.Fatal(err)
	}
	pod := func(namespace, name, image string) *corev1.Pod {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "controller", Image: image}}}}
	}
	const nginx = "registry.k8s.io/ingress-nginx/controller:v1.13.0"
	for want, pods := range map[string][]*corev1.Pod{
		"haproxy:%ST egde/lb=auto":                                 {pod("edge", "lb-7d9f-x2x", nginx), pod("shop", "web-1", "web")},
		"haproxy:%ST edge=nginx:$status edge/lb=auto egde/lb=auto": {pod("a", "b", nginx)},
		strings.Join(told, " "):                                    {pod("edge", "lb-7d9f-x2x", "web")},
	} {
		if got := strings.Join(f.Idle(slices.Values(pods)), " "); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// A log is found to be in a form that was told, too.
func TestFormatsSniff(t *testing.T) {
	f, err := ParseFormats([]string{`haproxy:%ST own`})
	if err != nil {
		t.Fatal(err)
	}
	lines := [][]byte{[]byte("502 own"), []byte("502 own"), []byte("x")}
	s, ok := f.Sniff(lines)
	if !ok || s.Name != "haproxy" || statusOf(s.Parser(), "502 own") != 502 {
		t.Errorf("found %q, %v", s.Name, ok)
	}
	if s, ok := (Formats{}).Sniff(lines); ok {
		t.Errorf("found %q without having been told", s.Name)
	}
}
