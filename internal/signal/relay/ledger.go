package relay

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// Bounds of what is remembered of agents.
const (
	mostAgents = 1024
	mostKnown  = 500_000 // series of all agents
	// mostOverlap is how long it is waited, after an agent came back, for it to have counted what was read in another way.
	mostOverlap = 10 * time.Second
	// mostAtOnce is the largest number of requests that is believed at once.
	mostAtOnce = 1 << 30
)

var (
	// errUnconfirmed asks an agent to tell what another receiver has confirmed.
	errUnconfirmed = errors.New("this receiver has not confirmed the agent's last report")
	errTooMany     = errors.New("there are too many agents")
	errReplaced    = errors.New("a newer agent speaks for this node")
)

// ledger knows up to where each agent was counted. It is pure: who calls it says what time it is.
type ledger struct {
	id     string
	agents map[string]*agent // by node
	known  int               // series of all
	// untracked is how many points there were of series for which there was no room.
	untracked int
}

// agent is what is known of one.
type agent struct {
	instance string
	started  time.Time
	number   uint64
	heard    time.Time // by the receiver's clock
	omitted  uint64
	gateways map[model.Ref]*counted
	// gone is set if it was not heard for so long that its gateways were forgotten. Its number is kept: the answer to its last
	// report may have been lost, and then that report comes again.
	gone bool
}

// counted is up to where a gateway was counted.
type counted struct {
	series map[Series]uint64
	read   time.Time // the stamp of the newest line that was counted
	at     time.Time // of the report
	// resume is the stamp of the newest line that was read in another way: what there is up to it is left out.
	resume time.Time
	since  time.Time // when that began, by the receiver's clock
}

func newLedger(id string) *ledger { return &ledger{id: id, agents: map[string]*agent{}} }

// take takes a report in and gives what is new in it. begun says how far a gateway of which the agent begins to speak was read
// in another way, and ends that way.
func (l *ledger) take(r received, now time.Time, begun func(model.Ref) time.Time) (accounts []model.Account, left []Ended, err error) {
	a := l.agents[r.Node]
	switch {
	case a == nil && !l.room():
		return nil, nil, errTooMany
	case a != nil && !a.gone && a.instance != r.Instance && r.Started.Before(a.started):
		return nil, nil, errReplaced
	case r.receiver != l.id, (a == nil || a.gone || a.instance != r.Instance) && !r.whole:
		return nil, nil, errUnconfirmed
	case a == nil:
		a = &agent{gateways: map[model.Ref]*counted{}}
		l.agents[r.Node] = a
	}
	if a.instance != r.Instance {
		l.renew(a)
		a.instance, a.started, a.number, a.omitted = r.Instance, r.Started, 0, 0
	}
	a.heard = now
	twice := r.Number <= a.number && a.number > 0
	if twice && !a.gone {
		return nil, nil, nil
	}
	a.number, a.gone = max(a.number, r.Number), false
	for i := range r.Gateways {
		g := &r.Gateways[i]
		c := a.gateways[g.Pod]
		if c == nil {
			c = &counted{series: map[Series]uint64{}, at: r.Started, resume: begun(g.Pod), since: now}
			a.gateways[g.Pod] = c
		}
		account := l.count(c, g, r, now) // of one that came twice, too: it says from where on to count
		if !twice && len(account.Counts)+len(account.Errors) > 0 {
			accounts = append(accounts, account)
		}
	}
	return accounts, l.leave(a, &r.Report), nil
}

// room makes room for one more agent, of one that is gone if it must.
func (l *ledger) room() bool {
	if len(l.agents) < mostAgents {
		return true
	}
	for node, a := range l.agents {
		if a.gone {
			delete(l.agents, node)
			return true
		}
	}
	return false
}

// renew forgets the counters of an agent that was started anew; how far its gateways were read stays.
func (l *ledger) renew(a *agent) {
	for _, c := range a.gateways {
		l.known -= len(c.series)
		clear(c.series)
	}
}

// count gives what a gateway answered since its last report.
func (l *ledger) count(c *counted, g *Gateway, r received, now time.Time) model.Account {
	for s, v := range r.confirmed[g.Pod] {
		l.grown(c, s, v)
	}
	account := model.Account{Gateway: g.Pod, Errors: g.Errors}
	// Of what was counted up to the line that was read last in another way, nobody can tell how much that was.
	overlaps := !c.resume.IsZero() && g.Read.Before(c.resume) && now.Sub(c.since) < mostOverlap
	leftOut := !c.resume.IsZero()
	from := c.at
	for _, p := range g.Points {
		if n := l.grown(c, p.Series, p.Value); n > 0 && !leftOut {
			account.Counts = append(account.Counts, model.Counted{Count: p.Series.count(g.Pod, from, r.At, min(n, mostAtOnce)), Samples: p.Samples})
		}
	}
	if leftOut {
		account.Errors = nil
	}
	if !overlaps {
		c.resume = time.Time{}
	}
	c.at = r.At
	if g.Read.After(c.read) {
		c.read = g.Read
	}
	return account
}

// grown is by how much a counter grew.
func (l *ledger) grown(c *counted, s Series, value uint64) uint64 {
	before, ok := c.series[s]
	if !ok {
		if l.known >= mostKnown {
			l.untracked++
			return 0
		}
		l.known++
	}
	c.series[s] = value
	if value < before {
		return value // it began anew
	}
	return value - before
}

func (s Series) count(pod model.Ref, from, to time.Time, requests uint64) model.Count {
	return model.Count{
		From: from, To: to, Proxy: s.Proxy, Gateway: pod, Source: source(pod),
		Host: s.Host, Path: s.Path, RouteNamespace: s.RouteNamespace, RouteName: s.RouteName, Service: s.Service, ServicePort: s.ServicePort,
		Status: s.Status, Class: s.Status / 100, Failure: s.Failure, Requests: requests,
	}
}

// Ended is a gateway of which no agent speaks any more.
type Ended struct {
	Pod model.Ref
	// Read is the stamp of the newest line that was counted; zero: none was.
	Read time.Time
}

// leave forgets the gateways that are not in a report.
func (l *ledger) leave(a *agent, r *Report) []Ended {
	var out []Ended
	for pod, c := range a.gateways {
		if !slices.ContainsFunc(r.Gateways, func(g Gateway) bool { return g.Pod == pod }) {
			out = append(out, Ended{pod, c.read})
			l.known -= len(c.series)
			delete(a.gateways, pod)
		}
	}
	return ordered(out)
}

// silent forgets the gateways of agents that were not heard for a time.
func (l *ledger) silent(now time.Time, patience time.Duration) (nodes []string, left []Ended) {
	for node, a := range l.agents {
		if a.gone || now.Sub(a.heard).Abs() < patience { // a clock that was set back makes nobody young for ever
			continue
		}
		nodes = append(nodes, node)
		left = append(left, l.leave(a, &Report{})...)
		a.gone = true
	}
	slices.Sort(nodes)
	return nodes, ordered(left)
}

func ordered(all []Ended) []Ended {
	slices.SortFunc(all, func(a, b Ended) int { return cmp.Compare(a.Pod.String(), b.Pod.String()) })
	return all
}
