package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"golang.org/x/net/netutil"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/signal/admit"
	"github.com/gatemend/gatemend/internal/signal/feed"
)

// ReceiverOptions of receiving. All but the durations must be set.
type ReceiverOptions struct {
	Admit admit.Rules
	// ID tells this life of the receiver from all others.
	ID  string
	Now func() time.Time
	// May says why an agent that connects from an address may not speak for a node; nil if it may.
	May func(from netip.Addr, node string) error
	// On reports whether a pod runs on a node: of others, that agent may not speak.
	On func(node string, pod model.Ref) bool
	// Begun is told of a gateway of which an agent speaks from now on: it is not to be counted in another way any more. It
	// returns the stamp of the newest line that was; zero: none was.
	Begun func(pod model.Ref) time.Time
	// Ended is told of a gateway of which no agent speaks any more.
	Ended func(Ended)
	// Silence is after how long an agent that says nothing counts as gone; 0 means 5 s.
	Silence time.Duration
}

const (
	gone       = 5 * time.Second
	lookEvery  = time.Second
	maxMessage = 16 << 20
	// renewEvery is how long a connection may last, so that both ends show certificates that are not too old.
	renewEvery = 10 * time.Minute
	// refusedFor is how long an agent that may not speak is a matter after its last try; an agent tries at least every [longWait].
	refusedFor  = 6 * longWait
	mostRefused = 64 // nodes that are told of
)

// what names the source for people.
const what = "agents"

// Receiver receives reports until its context is done.
type Receiver struct {
	collector.UnimplementedMetricsServiceServer
	*feed.Feed                 // of what is not heard
	ctx        context.Context // its end ends waiting for the reader
	options    ReceiverOptions
	accounts   chan []model.Account

	mu        sync.Mutex // one report is taken at a time
	ledger    *ledger
	untracked int                  // of the ledger's, how many were told of
	refused   map[string]time.Time // by node, when an agent of it was told last that it may not speak
}

// Serve begins to receive on a listener, which it closes. It returns at once; everything it starts ends with ctx, after
// which the channel of accounts is closed.
func Serve(ctx context.Context, listener net.Listener, o ReceiverOptions) *Receiver {
	o.Silence, o.Admit.Renew = cmp.Or(o.Silence, gone), cmp.Or(o.Admit.Renew, renewEvery)
	r := &Receiver{Feed: feed.New(what, 0), ctx: ctx, options: o, accounts: make(chan []model.Account), ledger: newLedger(o.ID), refused: map[string]time.Time{}}
	server := grpc.NewServer(o.Admit.GRPC(maxMessage)...)
	collector.RegisterMetricsServiceServer(server, r)
	var group sync.WaitGroup
	group.Go(func() {
		if err := server.Serve(netutil.LimitListener(listener, mostAgents)); err != nil && ctx.Err() == nil {
			r.Note(what, fmt.Errorf("serve at %s: %w", listener.Addr(), err).Error())
		}
	})
	group.Go(func() { r.look(ctx) })
	go func() {
		<-ctx.Done()
		server.Stop() // waits for all handlers
		group.Wait()
		close(r.accounts)
	}()
	return r
}

// Accounts is where what was counted arrives.
func (r *Receiver) Accounts() <-chan []model.Account { return r.accounts }

// look finds the agents that are silent.
func (r *Receiver) look(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		r.mu.Lock()
		nodes, left := r.ledger.silent(r.options.Now(), r.options.Silence)
		if n := r.ledger.untracked - r.untracked; n > 0 {
			r.Tell(fmt.Sprintf("%d counters of agents were not taken in: there are too many", n))
			r.untracked = r.ledger.untracked
		}
		for _, e := range left {
			r.options.Ended(e)
		}
		for node, last := range r.refused {
			if r.options.Now().Sub(last).Abs() >= refusedFor {
				r.heard(node)
			}
		}
		for _, n := range nodes {
			r.Tell(fmt.Sprintf("the agent on %s has been silent for %s; the gateways there are read through the API", n, r.options.Silence))
		}
		r.mu.Unlock()
	}
}

// Export implements the service: it takes one report.
func (r *Receiver) Export(ctx context.Context, m *collector.ExportMetricsServiceRequest) (*collector.ExportMetricsServiceResponse, error) {
	got, err := read(m)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	if err := r.options.May(admit.PeerAddress(ctx), got.Node); err != nil {
		r.refuseNode(got.Node, err)
		return nil, status.Error(codes.PermissionDenied, err.Error())
	}
	got.Gateways = slices.DeleteFunc(got.Gateways, func(g Gateway) bool { return !r.options.On(got.Node, g.Pod) })
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() != nil {
		return nil, status.FromContextError(ctx.Err()).Err() // it waited too long, and comes again
	}
	accounts, left, err := r.ledger.take(got, r.options.Now(), r.options.Begun)
	if err != nil {
		return nil, r.refuse(err)
	}
	for _, e := range left {
		r.options.Ended(e)
	}
	r.heard(got.Node)
	if len(accounts) == 0 {
		return &collector.ExportMetricsServiceResponse{}, nil
	}
	select { // what the ledger has taken must be counted, whether or not the agent waits for the answer
	case r.accounts <- accounts:
		return &collector.ExportMetricsServiceResponse{}, nil
	case <-r.ctx.Done():
		return nil, status.Error(codes.Unavailable, "gatemend is ending")
	}
}

// refuseNode notes that an agent may not speak for a node.
func (r *Receiver) refuseNode(node string, why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.refused[node]; known || len(r.refused) < mostRefused {
		r.refused[node] = r.options.Now()
		r.Note("the agent of node "+node, "it may not speak: "+why.Error())
	}
}

// heard takes that back. The caller holds mu.
func (r *Receiver) heard(node string) {
	if _, known := r.refused[node]; known {
		delete(r.refused, node)
		r.Note("the agent of node "+node, "")
	}
}

// refuse words an error for an agent.
func (r *Receiver) refuse(err error) error {
	switch {
	case errors.Is(err, errTooMany):
		return status.Error(codes.ResourceExhausted, err.Error())
	case !errors.Is(err, errUnconfirmed):
		return status.Error(codes.FailedPrecondition, err.Error())
	}
	s, detailing := status.New(codes.FailedPrecondition, err.Error()).WithDetails(&errdetails.ErrorInfo{
		Reason: reasonUnconfirmed, Domain: "gatemend.dev", Metadata: map[string]string{keyReceiver: r.options.ID},
	})
	if detailing != nil {
		return fmt.Errorf("say who this is: %w", detailing)
	}
	return s.Err()
}
