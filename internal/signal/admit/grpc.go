package admit

import (
	"context"
	"net/netip"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"
)

// Who connects must say so in time; there is room for so many only. Connections to senders that went away without a word are found out within a minute. Those of senders that send nothing are closed after a
// while, so that they take no other's place; whoever has something to send connects again.
const (
	greetIn     = 10 * time.Second
	askAfter    = 30 * time.Second
	answerUntil = 15 * time.Second
	idleFor     = 5 * time.Minute
)

// maxHeaders is how many bytes of metadata a call may have. They are read before it is known who calls.
const maxHeaders = 64 << 10

// A connection that is to be renewed is told so, and has a while to come to its end.
const (
	renewEvery = time.Hour
	renewGrace = 10 * time.Second
)

// GRPC are the options of a server that keeps to the rules: who may send, and messages of at most
// maxMessage bytes. Whoever may not is refused by the metadata alone: no message is read.
func (r Rules) GRPC(maxMessage int) []grpc.ServerOption {
	alive := keepalive.ServerParameters{MaxConnectionIdle: idleFor, Time: askAfter, Timeout: answerUntil}
	if age := r.renewal(); age > 0 {
		alive.MaxConnectionAge, alive.MaxConnectionAgeGrace = age, min(renewGrace, age)
	}
	options := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxHeaderListSize(maxHeaders),
		grpc.ConnectionTimeout(greetIn),
		grpc.MaxConcurrentStreams(100), // on one connection; Envoy opens one for each worker and log
		grpc.KeepaliveParams(alive),
		grpc.InTapHandle(func(ctx context.Context, call *tap.Info) (context.Context, error) { return ctx, r.admit(call.Header) }),
	}
	if r.TLS != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(r.TLS)))
	}
	return options
}

func (r Rules) admit(header metadata.MD) error {
	var shown string
	if values := header.Get("authorization"); len(values) > 0 {
		shown = values[0]
	}
	if !r.Permits(shown) {
		return status.Error(codes.Unauthenticated, "the token is missing or wrong: send it in the metadata as 'authorization: Bearer TOKEN'")
	}
	return nil
}

// PeerAddress is where a call comes from.
func PeerAddress(ctx context.Context) netip.Addr {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return netip.Addr{}
	}
	address, err := netip.ParseAddrPort(p.Addr.String())
	if err != nil {
		return netip.Addr{} // not over IP: a test's pipe
	}
	return address.Addr().Unmap()
}
