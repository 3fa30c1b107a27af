package image

import "testing"

func TestIs(t *testing.T) {
	tests := []struct {
		reference, end string
		want           bool
	}{
		{"registry.k8s.io/ingress-nginx/controller:v1.13.2@sha256:abc", "ingress-nginx/controller", true},
		{"mirror.test:5000/k8s/ingress-nginx/controller", "ingress-nginx/controller", true},
		{"ingress-nginx/controller", "ingress-nginx/controller", true},
		{"my-ingress-nginx/controller", "ingress-nginx/controller", false},
		{"traefik:v3", "traefik", true},
		{"mirror.test:5000/traefik", "traefik", true},
		{"traefik/whoami", "traefik", false},
		{"", "traefik", false},
	}
	for _, test := range tests {
		if got := Is(test.reference, test.end); got != test.want {
			t.Errorf("Is(%q, %q) = %v", test.reference, test.end, got)
		}
	}
}
