package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/path"
)

// crashedWorker matches what an nginx's master says of a worker that died of a fault of its own program: SIGILL, SIGABRT, SIGBUS, SIGFPE or
// SIGSEGV (nginx/nginx, src/os/unix/ngx_process.c, ngx_process_get_status). SIGKILL comes from outside, of a lack of memory most often.
var crashedWorker = regexp.MustCompile(`\[alert\] .*\bworker process \d+ exited on signal (?:4|6|7|8|11)\b`)

// enoughCrashes is how many workers of a gateway must have died, so that it is no accident of one request.
const enoughCrashes = 5

// crashingWorkers finds gateways whose nginx loses workers again and again. All connections of a worker end with it, on whatever route, and
// it logs none of their requests, while the backends answer what the other workers send them.
func (v *view) crashingWorkers() []finding {
	type crashes struct {
		said  ownWords
		times []time.Time
	}
	var found []*crashes
	for _, s := range v.sayings() {
		if !s.known || !strings.Contains(s.text, "exited on signal") || !crashedWorker.MatchString(s.text) {
			continue
		}
		i := slices.IndexFunc(found, func(c *crashes) bool { return c.said.fleet.Object == s.fleet.Object })
		if i < 0 {
			i, found = len(found), append(found, &crashes{said: s})
		}
		found[i].times = append(found[i].times, nginxTime(strings.TrimSpace(s.text)))
	}
	var out []finding
	for _, c := range found {
		slices.SortFunc(c.times, time.Time.Compare)
		last, routes := c.times[len(c.times)-1], v.governs(c.said)
		if len(c.times) < enoughCrashes || v.s.At().Sub(last) > fresh || len(routes) == 0 {
			continue
		}
		f := find("controller-bug", proven, at(c.said.fleet.Object, imageField(c.said.fleet)),
			fmt.Sprintf("workers of the nginx of %s crash: %d died, the last at %s, each with all of its connections", c.said.fleet.Object, len(c.times), clock(last))).
			on(routes...).as(byStuckProxy()...).since(c.times[0]).
			not("proxy-overloaded", "the program ended by a fault of its own, nobody killed it")
		f.Evidence = append(f.Evidence, c.said.evidence())
		f.unlogged = true
		out = append(out, f)
	}
	return out
}

// imageField is the image of the container of a gateway that is its proxy, the first where none tells.
func imageField(f path.Fleet) string {
	i := max(0, slices.IndexFunc(f.Pod.Spec.Containers, func(c corev1.Container) bool { return strings.Contains(c.Image, "nginx") }))
	if f.Object.Kind == "Pod" {
		return fmt.Sprintf("spec.containers[%d].image", i)
	}
	return fmt.Sprintf("spec.template.spec.containers[%d].image", i)
}
