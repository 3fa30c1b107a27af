package als

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	accesslog "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"
	"golang.org/x/net/netutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/envoy"
	"github.com/gatemend/gatemend/internal/signal/admit"
	"github.com/gatemend/gatemend/internal/signal/feed"
)

// Options of receiving. The zero value believes what senders say of themselves and admits everybody.
type Options struct {
	Admit admit.Rules
	// Resolve finds a sender's pod; nil: [feed.Nobody].
	Resolve feed.Resolve
	// Buffer is how many signals wait for a slow reader; 0 means 8192.
	Buffer int
	// Patience is how long a stream is not read before an entry that finds no room is dropped and
	// counted; 0 means 1 s.
	Patience time.Duration
	// MaxMessage is the size of the largest batch that is taken; 0 means 4 MiB. Envoy sends what it has
	// collected after 16 KiB unless told otherwise (buffer_size_bytes).
	MaxMessage int
	// MaxConnections is how many Envoys may be connected at once; 0 means 1024.
	MaxConnections int
}

func (o Options) withDefaults() Options {
	if o.Resolve == nil {
		o.Resolve = feed.Nobody
	}
	if o.Buffer == 0 {
		o.Buffer = 8192
	}
	if o.Patience == 0 {
		o.Patience = time.Second
	}
	if o.MaxMessage == 0 {
		o.MaxMessage = 4 << 20
	}
	if o.MaxConnections == 0 {
		o.MaxConnections = 1024
	}
	return o
}

// Counts says how much was received so far.
type Counts struct {
	Entries  int64 // of both kinds
	Requests int64 // entries of requests and connections among them
	Foreign  int64 // entries that make no sense
	Streams  int   // open now
}

// Receiver receives until its context is done.
type Receiver struct {
	*feed.Feed
	accesslog.UnimplementedAccessLogServiceServer
	ctx     context.Context // its end ends waiting for room
	options Options

	entries, requests, foreign, streams atomic.Int64
}

// what names the source for people.
const what = "access logs over gRPC"

// idle is why nothing can be seen while nobody is connected.
const idle = "no Envoy is connected"

// Serve begins to receive on a listener, which it closes. It returns at once; everything it starts ends
// with ctx, after which the channel of signals is closed.
func Serve(ctx context.Context, listener net.Listener, o Options) *Receiver {
	o = o.withDefaults()
	r := &Receiver{Feed: feed.New(what, o.Buffer), ctx: ctx, options: o}
	r.Note(what, idle)
	server := grpc.NewServer(o.Admit.GRPC(o.MaxMessage)...)
	accesslog.RegisterAccessLogServiceServer(server, r)
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := server.Serve(netutil.LimitListener(listener, o.MaxConnections)); err != nil && ctx.Err() == nil {
			r.Note(what, fmt.Errorf("serve at %s: %w", listener.Addr(), err).Error())
		}
	}()
	go func() {
		<-ctx.Done()
		server.Stop() // waits for all handlers
		<-served
		r.Close()
	}()
	return r
}

// Counts says how much was received so far.
func (r *Receiver) Counts() Counts {
	return Counts{
		Entries: r.entries.Load(), Requests: r.requests.Load(), Foreign: r.foreign.Load(), Streams: int(r.streams.Load()),
	}
}

// StreamAccessLogs implements the service: it reads one stream to its end.
func (r *Receiver) StreamAccessLogs(stream accesslog.AccessLogService_StreamAccessLogsServer) error {
	r.streams.Add(1)
	r.Note(what, "")
	defer func() {
		if r.streams.Add(-1) == 0 {
			r.Note(what, idle)
		}
	}()
	in := &inlet{receiver: r, parser: envoy.NewParser()}
	for {
		message, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return stream.SendAndClose(&accesslog.StreamAccessLogsResponse{})
		case err != nil:
			return err // of the connection: nobody is left to be told
		}
		if message.GetIdentifier() != nil {
			in.identify(stream.Context(), message.GetIdentifier())
		}
		for _, e := range message.GetHttpLogs().GetLogEntry() {
			in.take(httpRecord(e))
		}
		for _, e := range message.GetTcpLogs().GetLogEntry() {
			in.take(tcpRecord(e))
		}
		if r.ctx.Err() != nil {
			return status.Error(codes.Unavailable, "gatemend is ending")
		}
	}
}

// inlet is one stream.
type inlet struct {
	receiver *Receiver
	parser   *envoy.Parser
	gateway  model.Ref
	source   string
}

// identify takes in who sends, which only the first message of a stream says.
func (in *inlet) identify(ctx context.Context, id *accesslog.StreamAccessLogsMessage_Identifier) {
	sender := senderOf(id.GetNode())
	sender.Address = admit.PeerAddress(ctx)
	in.gateway = in.receiver.options.Resolve(sender)
	in.source = "als/" + sourceName(in.gateway, id.GetNode().GetId())
}

// longestName bounds what a sender may call itself.
const longestName = 253

func sourceName(gateway model.Ref, id string) string {
	if !gateway.IsZero() {
		return gateway.Namespace + "/" + gateway.Name
	}
	return id[:min(len(id), longestName)]
}

// take turns one entry into a signal. records that are about the middle of a request are left out: its
// end comes, too.
func (in *inlet) take(record envoy.Record, last bool) {
	r := in.receiver
	r.entries.Add(1)
	if !last {
		return
	}
	var signal model.Signal
	switch in.parser.Record(&record, &signal) {
	case proxy.Access:
		r.requests.Add(1)
	case proxy.Event:
		return
	default:
		r.foreign.Add(1)
		return
	}
	signal.Gateway, signal.Source = in.gateway, in.source
	r.Offer(r.ctx, signal, r.options.Patience)
}
