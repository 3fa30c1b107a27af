package demo

import "github.com/gatemend/gatemend/lab/fault"

// Faults lists what the demo shows, so ordered that each proxy appears early.
func Faults() ([]fault.Fault, error) {
	var out []fault.Fault
	for _, name := range []string{
		"wrong-selector", "wrong-target-port", "service-deleted", "readiness-path", "crash-loop",
		"oom-kill", "scaled-to-zero", "loopback-only", "termination-race",
	} {
		f, err := fault.Find(name)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}
