package fault

import (
	"context"
	"fmt"
	"slices"

	"github.com/gatemend/gatemend/lab/manifest"
)

// Fault is one way to break the shop.
type Fault struct {
	Name  string // stable, kebab-case
	Title string // what an operator would say they did

	Gateway    string   // name in [manifest.Gateways] of the proxy on which it is watched
	Route      string   // host on which it shows
	WantStatus []int    // statuses that clients get, the usual one first; NoAnswer: they get none
	WantLog    string   // regular expression for a line of the gateway's log; empty where they get no answer
	WantCauses []string // causes that are right as the first one; ids of the catalogue
	WantObject string   // KIND NAMESPACE/NAME of the object at fault

	// Passing says that the errors end by themselves: they come while Inject runs, and a little after.
	Passing bool
	// Person says that no machine should mend it: gatemend must name the cause, call a person and change nothing.
	Person bool
	// Asks says that what mends it takes a person's yes, which may be given in advance.
	Asks bool

	// Inject returns when the cluster is broken, or has been told to break and needs a moment.
	Inject func(context.Context, *manifest.Client) error
	// Restore brings the shop back to its manifest and returns when it is healthy.
	Restore func(context.Context, *manifest.Client) error
}

// NoAnswer is the status of clients whose requests fail without one: nobody listens.
const NoAnswer = 0

// All lists every fault: those that a newcomer is shown first. No two new revisions of one Deployment follow
// each other: right after a bad one nothing proves that the one to return to was good.
func All() []Fault {
	return []Fault{
		wrongSelector(), wrongTargetPort(), serviceDeleted(), readinessPath(), crashLoop(), oomKill(), scaledToZero(),
		loopbackOnly(), terminationRace(),
		headerTooBig(), imagePull(), unschedulable(), namedPortMissing(), servicePortMissing(), appError(),
		backendMissing(), readinessPort(), serverSSL(), readinessScheme(), weightsZero(), livenessPath(), readTimeout(), closeShare(),
		secretMissing(), configMapMissing(), startupSlow(), initBlocked(), backendProtocol(), commandMissing(), serverH2(),
		serviceAccountMissing(), nodeSelector(), quotaFull(), routePort(),
		proxyScaledToZero(), proxyCrashLoop(), proxyNeverReady(), proxyUnschedulable(),
	}
}

// Find returns the fault of a name.
func Find(name string) (Fault, error) {
	all := All()
	i := slices.IndexFunc(all, func(f Fault) bool { return f.Name == name })
	if i < 0 {
		return Fault{}, fmt.Errorf("no fault is named %q", name)
	}
	return all[i], nil
}

// reset is the Restore of every fault: Reset puts back whatever differs.
func reset(ctx context.Context, c *manifest.Client) error { return c.Reset(ctx) }
