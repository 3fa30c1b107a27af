package otlp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	"golang.org/x/net/netutil"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip" // which collectors compress with unless told otherwise
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/signal/admit"
	"github.com/gatemend/gatemend/internal/signal/feed"
)

// Options of receiving. The zero value believes what senders say of themselves and admits everybody.
type Options struct {
	Admit admit.Rules
	// Resolve finds a sender's pod; nil: [feed.Nobody].
	Resolve feed.Resolve
	// Buffer is how many signals wait for a slow reader; 0 means 16384, twice what a collector's batch processor waits for
	// before it sends (send_batch_size). A larger batch is refused for good.
	Buffer int
	// MaxMessage is the size of the largest batch, after decompression; 0 means 4 MiB.
	MaxMessage int
	// MaxConnections is how many senders may be connected at once; 0 means 1024.
	MaxConnections int
	// Now is the clock by which connections over HTTP are renewed whose senders show certificates; needed for these alone.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	if o.Resolve == nil {
		o.Resolve = feed.Nobody
	}
	if o.Buffer == 0 {
		o.Buffer = 16384
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
	Records  int64
	Requests int64 // access lines among them
	Errors   int64 // lines of error logs
	Foreign  int64 // records that no proxy writes
	Refused  int64 // batches for which there was no room, now or ever
}

// Receiver receives until its context is done.
type Receiver struct {
	*feed.Feed
	collector.UnimplementedLogsServiceServer
	options Options

	mu      sync.Mutex // one batch is read at a time, so that room which was seen stays
	parsers map[string]proxy.Parser

	records, requests, errors, foreign, refused atomic.Int64
}

const (
	what = "OpenTelemetry logs"
	// retryAfter is when a sender for whom there was no room may come again.
	retryAfter = time.Second
	// mostParsers is for how many senders something is remembered.
	mostParsers = 1024
)

// Serve begins to receive on listeners for gRPC and for HTTP, of which one may be nil, and which it closes.
// It returns at once; everything it starts ends with ctx, after which the channel of signals is closed.
func Serve(ctx context.Context, overGRPC, overHTTP net.Listener, o Options) *Receiver {
	o = o.withDefaults()
	r := &Receiver{Feed: feed.New(what, o.Buffer), options: o, parsers: map[string]proxy.Parser{}}
	var group sync.WaitGroup
	if overGRPC != nil {
		group.Go(func() { r.serveGRPC(ctx, overGRPC) })
	}
	if overHTTP != nil {
		group.Go(func() { r.serveHTTP(ctx, overHTTP) })
	}
	go func() {
		<-ctx.Done()
		group.Wait()
		r.Close()
	}()
	return r
}

func (r *Receiver) serveGRPC(ctx context.Context, l net.Listener) {
	server := grpc.NewServer(r.options.Admit.GRPC(r.options.MaxMessage)...)
	collector.RegisterLogsServiceServer(server, r)
	stop := context.AfterFunc(ctx, server.Stop)
	defer stop()
	if err := server.Serve(netutil.LimitListener(l, r.options.MaxConnections)); err != nil && ctx.Err() == nil {
		r.Note(what+" over gRPC", fmt.Errorf("serve at %s: %w", l.Addr(), err).Error())
	}
	server.Stop() // waits for all handlers
}

// Time-outs of HTTP: a batch is small, and a sender that trickles must not hold a connection for ever.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 30 * time.Second
	idleTimeout   = 2 * time.Minute
)

func (r *Receiver) serveHTTP(ctx context.Context, l net.Listener) {
	server := &http.Server{Handler: r.Handler(), ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: readTimeout, IdleTimeout: idleTimeout}
	r.options.Admit.HTTP(server, r.options.Now)
	l = netutil.LimitListener(l, r.options.MaxConnections)
	if r.options.Admit.TLS != nil {
		l = tls.NewListener(l, r.options.Admit.TLS)
	}
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), headerTimeout)
		defer cancel()
		if server.Shutdown(end) != nil {
			_ = server.Close() // whoever is connected still is cut off
		}
	})
	if err := server.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) && ctx.Err() == nil {
		r.Note(what+" over HTTP", fmt.Errorf("serve at %s: %w", l.Addr(), err).Error())
	}
	if !stop() {
		<-closed
	}
}

// Counts says how much was received so far.
func (r *Receiver) Counts() Counts {
	return Counts{
		Records: r.records.Load(), Requests: r.requests.Load(), Errors: r.errors.Load(), Foreign: r.foreign.Load(), Refused: r.refused.Load(),
	}
}

// Export implements the service over gRPC.
func (r *Receiver) Export(ctx context.Context, batch *collector.ExportLogsServiceRequest) (*collector.ExportLogsServiceResponse, error) {
	answer, err := r.take(batch, admit.PeerAddress(ctx))
	if errors.Is(err, errTooBig) {
		return nil, status.Error(codes.InvalidArgument, err.Error()) // after which it is not sent again
	}
	if !errors.Is(err, errNoRoom) {
		return answer, err
	}
	full, err := status.New(codes.ResourceExhausted, err.Error()).WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(retryAfter)})
	if err != nil {
		return nil, fmt.Errorf("say when to try again: %w", err)
	}
	return nil, full.Err()
}

// errNoRoom means that signals are not read as fast as they come.
var errNoRoom = errors.New("there is no room for so many records now")

// take reads a batch: as a whole or not at all.
func (r *Receiver) take(batch *collector.ExportLogsServiceRequest, from netip.Addr) (*collector.ExportLogsServiceResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch n := size(batch); {
	case n > r.options.Buffer: // there will never be room
		r.refused.Add(1)
		return nil, fmt.Errorf("%w: at most %d records (send_batch_max_size of a collector's batch processor)", errTooBig, r.options.Buffer)
	case n > r.Room():
		r.refused.Add(1)
		return nil, errNoRoom
	}
	var rejected int64
	for _, resource := range batch.GetResourceLogs() {
		sender := senderOf(resource.GetResource().GetAttributes())
		sender.Address = from
		in := inlet{receiver: r, gateway: r.options.Resolve(sender)}
		in.source = "otlp/" + sourceName(in.gateway, sender, from)
		in.parser = r.parser(in.source)
		for _, scope := range resource.GetScopeLogs() {
			for _, record := range scope.GetLogRecords() {
				if !in.take(record) {
					rejected++
				}
			}
		}
	}
	answer := &collector.ExportLogsServiceResponse{}
	if rejected > 0 {
		answer.PartialSuccess = &collector.ExportLogsPartialSuccess{
			RejectedLogRecords: rejected, ErrorMessage: "records that are no access or error log of a known proxy",
		}
	}
	return answer, nil
}

func size(batch *collector.ExportLogsServiceRequest) (n int) {
	for _, resource := range batch.GetResourceLogs() {
		for _, scope := range resource.GetScopeLogs() {
			n += len(scope.GetLogRecords())
		}
	}
	return n
}

// parser gives the parser of a sender, which may keep something between lines.
func (r *Receiver) parser(source string) proxy.Parser {
	if p := r.parsers[source]; p != nil {
		return p
	}
	if len(r.parsers) >= mostParsers {
		clear(r.parsers)
	}
	p := all.NewAuto()
	r.parsers[source] = p
	return p
}

// inlet is one sender's part of a batch.
type inlet struct {
	receiver *Receiver
	parser   proxy.Parser
	gateway  model.Ref
	source   string
}

// take reads one record, and reports whether it is one of a proxy.
func (in *inlet) take(record *logs.LogRecord) bool {
	r := in.receiver
	r.records.Add(1)
	var signal model.Signal
	class := proxy.Foreign
	for _, line := range lines(record) {
		if class = in.parser.Parse(line, &signal); class != proxy.Foreign {
			break
		}
	}
	switch class {
	case proxy.Access:
		r.requests.Add(1)
	case proxy.ErrorLine:
		r.errors.Add(1)
	case proxy.Event:
		return true
	default:
		r.foreign.Add(1)
		return false
	}
	if at := moment(record); signal.At.IsZero() && !at.IsZero() {
		signal.At = at
	}
	signal.Gateway, signal.Source = in.gateway, in.source
	r.Put(signal)
	return true
}
