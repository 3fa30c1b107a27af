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
)

// Connections to senders that went away without a word are found out within a minute.
const (
	askAfter    = 30 * time.Second
	answerUntil = 15 * time.Second
)

// GRPC are the options of a server that keeps to the rules: who may send, and messages of at most
// maxMessage bytes.
func (r Rules) GRPC(maxMessage int) []grpc.ServerOption {
	options := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxConcurrentStreams(100), // on one connection; Envoy opens one for each worker and log
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: askAfter, Timeout: answerUntil}),
		grpc.StreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			if err := r.admit(stream.Context()); err != nil {
				return err
			}
			return handler(srv, stream)
		}),
		grpc.UnaryInterceptor(func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			if err := r.admit(ctx); err != nil {
				return nil, err
			}
			return handler(ctx, request)
		}),
	}
	if r.TLS != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(r.TLS)))
	}
	return options
}

func (r Rules) admit(ctx context.Context) error {
	var shown string
	if values := metadata.ValueFromIncomingContext(ctx, "authorization"); len(values) > 0 {
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
