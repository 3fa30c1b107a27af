package netns

import (
	"context"
	"strings"
	"testing"
)

func TestDialRefusesNames(t *testing.T) {
	for _, address := range []string{"web.default.svc:80", "10.0.0.1", ":80"} {
		_, err := Dial(context.Background(), "/proc/self/ns/net", "tcp", address)
		if err == nil || !strings.Contains(err.Error(), address) {
			t.Errorf("Dial(%q) = %v, want an error that names the address", address, err)
		}
	}
}
