package als

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	data "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
	accesslog "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/signal/admit"
	"github.com/gatemend/gatemend/internal/testkit/admittest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var at = time.Date(2026, 5, 4, 8, 30, 15, 123e6, time.UTC)

func entry(path string, code uint32, flags *data.ResponseFlags) *data.HTTPAccessLogEntry {
	return &data.HTTPAccessLogEntry{
		CommonProperties: &data.AccessLogCommon{
			StartTime: timestamppb.New(at), Duration: durationpb.New(5 * time.Millisecond), ResponseFlags: flags,
			UpstreamCluster: "httproute/shop/cart/rule/0", UpstreamRemoteAddress: socket("10.1.0.5", 80), DownstreamRemoteAddress: socket("192.0.2.1", 999),
			AccessLogType: data.AccessLogType_DownstreamEnd,
		},
		Request:  &data.HTTPRequestProperties{RequestMethod: core.RequestMethod_GET, Authority: "shop.test", Path: path},
		Response: &data.HTTPResponseProperties{ResponseCode: wrapperspb.UInt32(code), ResponseCodeDetails: "via_upstream"},
	}
}

func socket(ip string, port uint32) *core.Address {
	return &core.Address{Address: &core.Address_SocketAddress{SocketAddress: &core.SocketAddress{
		Address: ip, PortSpecifier: &core.SocketAddress_PortValue{PortValue: port},
	}}}
}

func batch(node *core.Node, entries ...*data.HTTPAccessLogEntry) *accesslog.StreamAccessLogsMessage {
	m := &accesslog.StreamAccessLogsMessage{LogEntries: &accesslog.StreamAccessLogsMessage_HttpLogs{
		HttpLogs: &accesslog.StreamAccessLogsMessage_HTTPAccessLogEntries{LogEntry: entries},
	}}
	if node != nil {
		m.Identifier = &accesslog.StreamAccessLogsMessage_Identifier{Node: node, LogName: "gatemend"}
	}
	return m
}

// serve starts a receiver, which ends with the test.
func serve(t *testing.T, o Options) (r *Receiver, address string) {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r = Serve(ctx, l, o)
	t.Cleanup(func() {
		cancel()
		for range r.Signals() {
		}
	})
	return r, l.Addr().String()
}

// stream opens a stream as Envoy does.
func stream(t *testing.T, address string, creds credentials.TransportCredentials) accesslog.AccessLogService_StreamAccessLogsClient {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	s, err := accesslog.NewAccessLogServiceClient(conn).StreamAccessLogs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReceives(t *testing.T) {
	r, address := serve(t, Options{})
	if got := r.Unseen(); !cmp.Equal(got, []model.Unseen{{What: what, Why: idle}}) {
		t.Errorf("before anybody is connected: %v", got)
	}
	s := stream(t, address, insecure.NewCredentials())
	beginning := entry("/begins", 0, nil)
	beginning.CommonProperties.AccessLogType = data.AccessLogType_DownstreamStart
	bad := entry("/without-a-time", 200, nil)
	bad.CommonProperties.StartTime = nil
	node := &core.Node{Id: "edge-1", Cluster: "edge"}
	for _, m := range []*accesslog.StreamAccessLogsMessage{
		batch(node, entry("/a", 200, nil), beginning, bad),
		batch(nil, entry("/b?x=1", 503, &data.ResponseFlags{UpstreamConnectionFailure: true, UpstreamRetryLimitExceeded: true})),
		{LogEntries: &accesslog.StreamAccessLogsMessage_TcpLogs{TcpLogs: &accesslog.StreamAccessLogsMessage_TCPAccessLogEntries{
			LogEntry: []*data.TCPAccessLogEntry{{CommonProperties: &data.AccessLogCommon{
				StartTime: timestamppb.New(at), ResponseFlags: &data.ResponseFlags{NoHealthyUpstream: true}, UpstreamCluster: "tlsroute/shop/db/rule/0",
				TlsProperties: &data.TLSProperties{TlsSniHostname: "db.test"},
			}}},
		}}},
	} {
		if err := s.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	gateway := model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: "edge", Name: "edge-1"}
	five := 5 * time.Millisecond
	want := []model.Signal{
		{
			At: at, Proxy: "envoy", Gateway: gateway, Source: "als/edge/edge-1", Client: "192.0.2.1", Request: model.Request{Method: "GET", Host: "shop.test", Path: "/a"},
			RouteNamespace: "shop", RouteName: "cart", Status: 200, Duration: five, Tries: []model.Try{{Address: "10.1.0.5:80", Status: 200, Duration: five}},
		},
		{
			At: at, Proxy: "envoy", Gateway: gateway, Source: "als/edge/edge-1", Client: "192.0.2.1", Request: model.Request{Method: "GET", Host: "shop.test", Path: "/b"},
			RouteNamespace: "shop", RouteName: "cart", Status: 503, Failure: model.Refused, Reason: "UF,URX via_upstream", Duration: five,
			Tries: []model.Try{{Address: "10.1.0.5:80", Status: 503, Duration: five}},
		},
		{
			At: at, Proxy: "envoy", Gateway: gateway, Source: "als/edge/edge-1", Request: model.Request{Host: "db.test"},
			RouteNamespace: "shop", RouteName: "db", Failure: model.NoEndpoints, Reason: "UH",
		},
	}
	for _, w := range want {
		got := <-r.Signals()
		if got.Failed() == (got.Raw == "") {
			t.Errorf("raw %q", got.Raw)
		}
		got.Raw = ""
		if d := cmp.Diff(w, got); d != "" {
			t.Errorf("(-want +got)\n%s", d)
		}
	}
	if n := r.Counts(); n.Entries != 5 || n.Requests != 3 || n.Foreign != 1 || n.Streams != 1 || len(r.Unseen()) != 0 {
		t.Errorf("counts %+v, unseen %v", n, r.Unseen())
	}
	if _, err := s.CloseAndRecv(); err != nil {
		t.Error(err)
	}
}

// A reader that stops for good costs at most the buffer; the rest is counted and said.
func TestSlowReader(t *testing.T) {
	r, address := serve(t, Options{Buffer: 10, Patience: time.Millisecond})
	s := stream(t, address, insecure.NewCredentials())
	entries := make([]*data.HTTPAccessLogEntry, 50)
	for i := range entries {
		entries[i] = entry("/", 200, nil)
	}
	if err := s.Send(batch(&core.Node{Id: "a"}, entries...)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CloseAndRecv(); err != nil { // answered after all were taken in
		t.Fatal(err)
	}
	if n := r.Counts(); r.Dropped() != 40 || n.Requests != 50 {
		t.Errorf("dropped %d, counts %+v", r.Dropped(), n)
	}
	if told := r.Notices(); len(told) != 1 || !strings.Contains(told[0], "40 signals") {
		t.Errorf("told %q", told)
	}
}

func TestWhoMaySend(t *testing.T) {
	ca := admittest.NewAuthority(t)
	server, err := admit.ServerTLS(ca.Certificate(), ca.Key(t), ca.PEM())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		rules admit.Rules
		creds credentials.TransportCredentials
		token string
		want  codes.Code
	}{
		"the right token":           {admit.Rules{Token: "secret"}, insecure.NewCredentials(), "Bearer secret", codes.OK},
		"a wrong token":             {admit.Rules{Token: "secret"}, insecure.NewCredentials(), "Bearer secret2", codes.Unauthenticated},
		"no token":                  {admit.Rules{Token: "secret"}, insecure.NewCredentials(), "", codes.Unauthenticated},
		"a certificate":             {admit.Rules{TLS: server}, credentials.NewTLS(ca.Client(t)), "", codes.OK},
		"no certificate":            {admit.Rules{TLS: server}, credentials.NewTLS(ca.Anonymous()), "", codes.Unavailable},
		"another authority's":       {admit.Rules{TLS: server}, credentials.NewTLS(ca.Stranger(t)), "", codes.Unavailable},
		"a certificate, no token":   {admit.Rules{TLS: server, Token: "secret"}, credentials.NewTLS(ca.Client(t)), "", codes.Unauthenticated},
		"plain text where TLS must": {admit.Rules{TLS: server}, insecure.NewCredentials(), "", codes.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			r, address := serve(t, Options{Admit: c.rules})
			ctx := t.Context()
			if c.token != "" {
				ctx = metadata.AppendToOutgoingContext(ctx, "authorization", c.token)
			}
			conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(c.creds))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			s, err := accesslog.NewAccessLogServiceClient(conn).StreamAccessLogs(ctx)
			if err == nil {
				_ = s.Send(batch(&core.Node{Id: "a"}, entry("/", 200, nil))) // the answer tells whether it was taken
				_, err = s.CloseAndRecv()
			}
			if got := status.Code(err); got != c.want || (r.Counts().Requests == 1) != (c.want == codes.OK) {
				t.Errorf("got %v (%v), want %v; counts %+v", got, err, c.want, r.Counts())
			}
		})
	}
}

// A stream is as long as its sender lives, and so may be longer than the certificate that it was opened with: it is ended now and
// then, and can be opened anew only with one that is good.
func TestStreamsEndWithTheirCertificates(t *testing.T) {
	ca := admittest.NewAuthority(t)
	server, err := admit.ServerTLS(ca.Certificate(), ca.Key(t), ca.PEM())
	if err != nil {
		t.Fatal(err)
	}
	r, address := serve(t, Options{Admit: admit.Rules{TLS: server, Renew: 100 * time.Millisecond}})
	// heard reports whether a stream that is opened now is heard before it is ended.
	heard := func(client *tls.Config) bool {
		conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(credentials.NewTLS(client)))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		before := r.Counts().Requests
		s, err := accesslog.NewAccessLogServiceClient(conn).StreamAccessLogs(t.Context())
		if err == nil {
			for s.Send(batch(&core.Node{Id: "a"}, entry("/", 200, nil))) == nil {
				time.Sleep(time.Millisecond)
			}
			err = s.RecvMsg(&accesslog.StreamAccessLogsResponse{})
		}
		if status.Code(err) != codes.Unavailable {
			t.Fatalf("it ends with %v", err)
		}
		return r.Counts().Requests > before
	}
	short := ca.Lasting(t, 3*time.Second)
	opened := 0
	for ; heard(short.Client(t)); opened++ {
		if time.Since(short.Ends()) > 30*time.Second {
			t.Fatal("it is heard still")
		}
	}
	if opened == 0 || time.Now().Before(short.Ends()) {
		t.Errorf("after %d streams, %s before its certificate ends, it is not heard", opened, time.Until(short.Ends()))
	}
	if !heard(ca.Client(t)) {
		t.Error("a new certificate is not heard")
	}
}

// Every flag that the protocol has comes with a name of its own, which the text format has, too.
func TestEveryFlagHasAName(t *testing.T) {
	seen := map[string]protoreflect.Name{}
	fields := (&data.ResponseFlags{}).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		f := &data.ResponseFlags{}
		if field.Kind() == protoreflect.BoolKind {
			f.ProtoReflect().Set(field, protoreflect.ValueOfBool(true))
		} else {
			f.UnauthorizedDetails = &data.ResponseFlags_Unauthorized{Reason: data.ResponseFlags_Unauthorized_EXTERNAL_SERVICE}
		}
		got := flags(f)
		if got == "" || seen[got] != "" {
			t.Errorf("%s has the name %q, which %q has", field.Name(), got, seen[got])
		}
		seen[got] = field.Name()
	}
	if flags(nil) != "" {
		t.Error("no flags have no name")
	}
}

func TestSenders(t *testing.T) {
	for _, c := range []struct{ id, cluster, namespace, pod string }{
		{"router~10.0.0.5~gw-7f-x.istio-system~istio-system.svc.cluster.local", "gw.istio-system", "istio-system", "gw-7f-x"},
		{"envoy-abc", "projectcontour", "projectcontour", "envoy-abc"},
		{"envoy-default-eg-1", "default/eg", "", "envoy-default-eg-1"},
		{"a b", "", "", ""},
		{"", "", "", ""},
		{"a~b~c~d", "", "", ""},
	} {
		if got := senderOf(&core.Node{Id: c.id, Cluster: c.cluster}); got.Namespace != c.namespace || got.Pod != c.pod {
			t.Errorf("%s: %+v", c.id, got)
		}
	}
	if got := senderOf(nil); got.Pod != "" {
		t.Errorf("nobody: %+v", got)
	}
}
