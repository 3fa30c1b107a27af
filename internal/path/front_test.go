package path

import (
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
)

func TestFront(t *testing.T) {
	base := ingress("web", `rules: [`+rule("shop.example", "Prefix", "/", "cart")+`]`)
	for status, want := range map[string]string{
		"":                         "",
		"[{ip: 203.0.113.7}]":      "203.0.113.7",
		"[{hostname: lb.example}]": "lb.example",
	} {
		object := base
		if status != "" {
			object = strings.TrimSuffix(strings.TrimSpace(base), "}") + `, status: {loadBalancer: {ingress: ` + status + `}}}`
		}
		m := New(world(t, []string{class, object}))
		if got := m.Front(model.Request{Host: "shop.example", Path: "/"}); got != want {
			t.Errorf("%s: %q, want %q", status, got, want)
		}
		if got := m.Front(model.Request{Host: "other.example", Path: "/"}); got != "" {
			t.Errorf("a host without a route: %q", got)
		}
	}
}
