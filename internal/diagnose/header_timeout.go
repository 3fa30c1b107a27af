package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
)

// headerTimeout finds that an application which passes requests on gives them up by a limit of its own: Go's HTTP client says that it
// was the one for response headers (net/http, Transport.ResponseHeaderTimeout), and a variable sets that, as KEDA_RESPONSE_HEADER_TIMEOUT
// does for the interceptor of KEDA's HTTP add-on, where it is half a second unless set (kedacore/http-add-on, interceptor/config).
func (v *view) headerTimeout(e *route) (finding, bool) {
	i := slices.IndexFunc(e.said, func(c call) bool {
		return c.kind == model.ResponseTimeout && strings.Contains(c.line, "awaiting response headers")
	})
	if i < 0 {
		return finding{}, false
	}
	spec := &e.caller.template.template.Spec
	for n := range spec.Containers {
		for _, set := range v.environment(e.caller, &spec.Containers[n], fmt.Sprintf("spec.template.spec.containers[%d]", n)) {
			wait, ok := seconds(set.value)
			if !ok || !strings.Contains(set.name, "RESPONSE_HEADER_TIMEOUT") {
				continue
			}
			f := find("upstream-timeout", proven, set.at, fmt.Sprintf("%s waits %s for an answer of %s (%s), which takes longer", e.Object, wait, e.callee(), set.name))
			return f.on(e).as(model.ResponseTimeout).relates("workload", e.caller.ref), true
		}
	}
	return finding{}, false
}
