package signature

import (
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"60 s": time.Minute, "75": 75 * time.Second, "5000": 5 * time.Second, "250ms": 250 * time.Millisecond, "2 minutes": 2 * time.Minute,
		"1.5h": 90 * time.Minute, "30-second": 30 * time.Second, "5m": 5 * time.Minute,
	} {
		if got, ok := duration(text); !ok || got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
	if _, ok := duration("s"); ok {
		t.Error("a unit alone is no duration")
	}
}

func TestFactsThatDisagree(t *testing.T) {
	set := Load()
	for name, c := range map[string]struct {
		id, text string
		want     bool
	}{
		"the route asks for another port": {"facts-route-port-differs", "Ingress: backend port 9000\nService shop: port 80, targetPort 9000", true},
		"it asks for the Service's port":  {"facts-route-port-differs", "Ingress: backend port 80\nService shop: port 80, targetPort 9000", false},
		"one of the Service's ports":      {"facts-route-port-differs", "backendRefs port 81\nService shop: port 80, port 81", false},
		"a port on which it listens":      {"facts-route-port-differs", "the ingress listens on port 443, the Service has port 80", false},
		"the container uses another port": {"facts-ports-differ", "the Service forwards to port 8080, the pod listens on 3000", true},
		"the container uses the same":     {"facts-ports-differ", "the Service forwards to port 8080, the pod listens on 0.0.0.0:8080", false},
		"it takes longer than allowed":    {"facts-limit-too-short", "proxy timeout 30 s; the report takes 40-90 s", true},
		"it takes less than allowed":      {"facts-limit-too-short", "proxy timeout 60 s; the report takes 20 s", false},
		"the backend closes sooner":       {"facts-idle-shorter", "server keepAliveTimeout: 5000\nload balancer idle timeout 60 s", true},
		"the backend closes later":        {"facts-idle-shorter", "server keepAliveTimeout: 75000\nload balancer idle timeout 60 s", false},
	} {
		g, ok := set.Named(c.id)
		if !ok {
			t.Fatalf("no signature %s", c.id)
		}
		if quote, got := g.compares.holds(c.text, asciiLower(c.text)); got != c.want {
			t.Errorf("%s: got %v (%s), want %v", name, got, quote, c.want)
		}
	}
}
