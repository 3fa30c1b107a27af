package cli

import (
	"strings"
	"testing"
	"time"
)

// A format that was told of gateways of which there is none is said, lest a misspelt name go unnoticed.
func TestIdleFormatIsSaid(t *testing.T) {
	for _, command := range []string{"diagnose", "watch"} {
		_, _, errOut := runFake(t, newFakeCluster(t, true), "", false, 3*time.Second, command, "--format", "egde/lb=auto", "--format", "auto")
		if !strings.Contains(errOut, "--format 'egde/lb=auto' is for none of the gateways that run now") || strings.Count(errOut, "none of the gateways") != 1 {
			t.Errorf("%s says %q", command, errOut)
		}
	}
}
