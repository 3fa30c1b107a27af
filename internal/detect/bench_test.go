package detect

import (
	"fmt"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// BenchmarkAdd takes in one request of 100,000 routes, none or all of which fail, ticks of 100 ms included.
func BenchmarkAdd(b *testing.B) {
	const routes, tickEvery = 100_000, 10_000
	for _, test := range []struct {
		name   string
		status int
	}{{"succeeding", 200}, {"failing", 503}} {
		b.Run(test.name, func(b *testing.B) {
			keys := make([]string, routes)
			refs := make([]model.Ref, routes)
			for i := range keys {
				keys[i] = fmt.Sprintf("host-%d.shop.test/path/%d", i, i)
				refs[i] = model.Ref{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Namespace: "shop", Name: keys[i]}
			}
			d := New(Options{MaxRoutes: routes})
			now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			i := 0
			one := func() {
				at := i * 7919 % routes // far from the route before in memory
				d.Add(keys[at], refs[at], model.Signal{At: now, Status: test.status, Duration: 10 * time.Millisecond})
				if i++; i%tickEvery == 0 {
					now = now.Add(100 * time.Millisecond)
					d.Tick(now)
				}
			}
			for range 5 * routes {
				one() // until all routes are known, and alarmed if they fail
			}
			for b.Loop() {
				one()
			}
		})
	}
}
