package otlp

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/signal/admit"
	"github.com/gatemend/gatemend/internal/testkit/admittest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var at = time.Date(2026, 5, 4, 8, 30, 15, 123e6, time.UTC)

const line = `[2026-05-04T08:30:15.123Z] "GET /buy HTTP/1.1" 503 UF 0 12 1 - "192.0.2.1" "curl/8" "0af1" "shop.test" "10.1.0.5:8080"`

func text(key, v string) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: v}}}
}

func number(key string, v int64) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: v}}}
}

func body(v string) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: v}}
}

// bodied is a record with a line, as Envoy writes it with a text format.
func bodied(v string) *logs.LogRecord {
	return &logs.LogRecord{TimeUnixNano: uint64(at.UnixNano()), Body: body(v)}
}

// attributed is a record with attributes, as Envoy Gateway has them written.
func attributed() *logs.LogRecord {
	return &logs.LogRecord{TimeUnixNano: uint64(at.UnixNano()), Attributes: []*common.KeyValue{
		text("method", "GET"), text("path", "/buy"), text(":authority", "shop.test"), text("response_code", "503"), text("response_flags", "UH"),
		text("duration", "3"), text("upstream_cluster", "httproute/shop/cart/rule/0"),
	}}
}

func batch(records ...*logs.LogRecord) *collector.ExportLogsServiceRequest {
	return &collector.ExportLogsServiceRequest{ResourceLogs: []*logs.ResourceLogs{{
		Resource:  &resource.Resource{Attributes: []*common.KeyValue{text("k8s.namespace.name", "edge"), text("k8s.pod.name", "edge-1")}},
		ScopeLogs: []*logs.ScopeLogs{{LogRecords: records}},
	}}}
}

type served struct {
	*Receiver
	grpc, http string
}

func serve(t *testing.T, o Options) served {
	t.Helper()
	var listeners [2]net.Listener
	for i := range listeners {
		var lc net.ListenConfig
		l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners[i] = l
	}
	ctx, cancel := context.WithCancel(t.Context())
	s := served{Serve(ctx, listeners[0], listeners[1], o), listeners[0].Addr().String(), "http://" + listeners[1].Addr().String() + "/v1/logs"}
	t.Cleanup(func() {
		cancel()
		for range s.Signals() {
		}
	})
	return s
}

func (s served) export(t *testing.T, b *collector.ExportLogsServiceRequest, token string) (*collector.ExportLogsServiceResponse, error) {
	t.Helper()
	conn, err := grpc.NewClient(s.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx := t.Context()
	if token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	return collector.NewLogsServiceClient(conn).Export(ctx, b, grpc.UseCompressor("gzip"))
}

// post sends a body with headers in pairs.
func (s served) post(t *testing.T, b []byte, headers ...string) (status int, h http.Header, answer []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.http, bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, answer
}

func marshal(t *testing.T, f func(proto.Message) ([]byte, error), m proto.Message) []byte {
	t.Helper()
	b, err := f(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func zipped(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestReadsBodiesAndAttributes(t *testing.T) {
	s := serve(t, Options{})
	answer, err := s.export(t, batch(bodied(line), attributed(), bodied("what is this")), "")
	if err != nil {
		t.Fatal(err)
	}
	if got := answer.GetPartialSuccess(); got.GetRejectedLogRecords() != 1 || got.GetErrorMessage() == "" {
		t.Errorf("partial success %v, want one rejected", got)
	}
	gateway := model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: "edge", Name: "edge-1"}
	get := model.Request{Method: "GET", Host: "shop.test", Path: "/buy"}
	for i, want := range []model.Signal{
		{At: at, Proxy: "envoy", Gateway: gateway, Source: "otlp/edge/edge-1", Client: "192.0.2.1", Request: get, Status: 503, Failure: model.Refused, Reason: "UF",
			Duration: time.Millisecond, Tries: []model.Try{{Address: "10.1.0.5:8080", Duration: time.Millisecond}}},
		{At: at, Proxy: "envoy", Gateway: gateway, Source: "otlp/edge/edge-1", Request: get, RouteNamespace: "shop", RouteName: "cart", Status: 503,
			Failure: model.NoEndpoints, Reason: "UH", Duration: 3 * time.Millisecond},
	} {
		got := <-s.Signals()
		got.Raw = ""
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%d (-want +got)\n%s", i, d)
		}
	}
	if n := s.Counts(); n.Records != 3 || n.Requests != 2 || n.Foreign != 1 {
		t.Errorf("counts %+v", n)
	}
}

func TestHTTP(t *testing.T) {
	s := serve(t, Options{Admit: admit.Rules{Token: "secret"}, MaxMessage: 4096})
	b := batch(bodied(line))
	asBytes, asText := marshal(t, proto.Marshal, b), marshal(t, protojson.Marshal, b)
	large := marshal(t, proto.Marshal, batch(bodied(strings.Repeat("x", 5000))))
	// Ids as the protocol writes them, and a field of a later version.
	written := []byte(strings.Replace(string(asText), `"timeUnixNano"`, `"traceId":"5b8efff798038103d269b633813fc60c","later":1,"timeUnixNano"`, 1))
	for name, c := range map[string]struct {
		body    []byte
		headers []string
		want    int
	}{
		"protobuf":                {asBytes, []string{"Content-Type", asProtobuf, "Authorization", "Bearer secret"}, 200},
		"JSON":                    {written, []string{"Content-Type", asJSON + "; charset=utf-8", "Authorization", "Bearer secret"}, 200},
		"compressed":              {zipped(t, asBytes), []string{"Content-Type", asProtobuf, "Authorization", "Bearer secret", "Content-Encoding", "gzip"}, 200},
		"no token":                {asBytes, []string{"Content-Type", asProtobuf}, 401},
		"a wrong token":           {asBytes, []string{"Content-Type", asProtobuf, "Authorization", "Bearer other"}, 401},
		"another form":            {asBytes, []string{"Content-Type", "text/plain", "Authorization", "Bearer secret"}, 415},
		"another encoding":        {asBytes, []string{"Content-Type", asProtobuf, "Authorization", "Bearer secret", "Content-Encoding", "br"}, 400},
		"no gzip":                 {asBytes, []string{"Content-Type", asProtobuf, "Authorization", "Bearer secret", "Content-Encoding", "gzip"}, 400},
		"nonsense":                {[]byte("{"), []string{"Content-Type", asJSON, "Authorization", "Bearer secret"}, 400},
		"too large":               {large, []string{"Content-Type", asProtobuf, "Authorization", "Bearer secret"}, 413},
		"too large when unpacked": {zipped(t, large), []string{"Content-Type", asProtobuf, "Authorization", "Bearer secret", "Content-Encoding", "gzip"}, 413},
	} {
		t.Run(name, func(t *testing.T) {
			before := s.Counts().Requests
			code, _, answer := s.post(t, c.body, c.headers...)
			if code != c.want || (s.Counts().Requests == before+1) != (c.want == 200) {
				t.Errorf("status %d, want %d: %s; counts %+v", code, c.want, answer, s.Counts())
			}
		})
	}
}

// A batch for which there is no room is refused as a whole, and fits later.
func TestNoRoom(t *testing.T) {
	s := serve(t, Options{Buffer: 2})
	two := batch(bodied(line), bodied(line))
	if _, err := s.export(t, two, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := s.export(t, two, ""); status.Code(err) != codes.ResourceExhausted || len(status.Convert(err).Details()) != 1 {
		t.Errorf("got %v, want ResourceExhausted with a time", err)
	}
	code, header, _ := s.post(t, marshal(t, proto.Marshal, two), "Content-Type", asProtobuf)
	if code != http.StatusTooManyRequests || header.Get("Retry-After") == "" {
		t.Errorf("status %d, Retry-After %q", code, header.Get("Retry-After"))
	}
	<-s.Signals()
	<-s.Signals()
	if _, err := s.export(t, two, ""); err != nil {
		t.Error(err)
	}
	if n := s.Counts(); n.Requests != 4 || n.Refused != 2 || s.Dropped() != 0 {
		t.Errorf("counts %+v, dropped %d", n, s.Dropped())
	}
}

// For a batch for which there will never be room no sender is told to come again, which it would do for ever.
func TestTooManyRecords(t *testing.T) {
	s := serve(t, Options{Buffer: 2})
	three := batch(bodied(line), bodied(line), bodied(line))
	if _, err := s.export(t, three, ""); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "at most 2 records") {
		t.Errorf("got %v, want InvalidArgument with how many may come", err)
	}
	code, header, answer := s.post(t, marshal(t, protojson.Marshal, three), "Content-Type", asJSON)
	if code != http.StatusRequestEntityTooLarge || header.Get("Retry-After") != "" || !strings.Contains(string(answer), "at most 2 records") {
		t.Errorf("status %d, Retry-After %q: %s", code, header.Get("Retry-After"), answer)
	}
	if n := s.Counts(); n.Records != 0 || n.Refused != 2 {
		t.Errorf("counts %+v", n)
	}
}

// Who may not send is refused before a message is read.
func TestRefusedBeforeItSends(t *testing.T) {
	s := serve(t, Options{Admit: admit.Rules{Token: "secret"}})
	conn, err := grpc.NewClient(s.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	call, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, "/opentelemetry.proto.collector.logs.v1.LogsService/Export")
	if err == nil {
		err = call.RecvMsg(&collector.ExportLogsServiceResponse{})
	}
	if status.Code(err) != codes.Unauthenticated {
		t.Errorf("got %v, want Unauthenticated", err)
	}
}

func TestTokenOverGRPC(t *testing.T) {
	s := serve(t, Options{Admit: admit.Rules{Token: "secret"}})
	if _, err := s.export(t, batch(bodied(line)), "other"); status.Code(err) != codes.Unauthenticated {
		t.Errorf("a wrong token: %v", err)
	}
	if _, err := s.export(t, batch(bodied(line)), "secret"); err != nil {
		t.Error(err)
	}
}

// Whatever is sent is answered, and never more is taken than was sent.
func FuzzPost(f *testing.F) {
	for _, b := range []*collector.ExportLogsServiceRequest{batch(bodied(line), attributed()), batch(), batch(&logs.LogRecord{Attributes: []*common.KeyValue{number("x", 1), {Key: "y"}}})} {
		raw, err := proto.Marshal(b)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r := Serve(ctx, nil, nil, Options{Buffer: 16})
		var b collector.ExportLogsServiceRequest
		if proto.Unmarshal(raw, &b) != nil {
			return
		}
		answer, err := r.take(&b, netip.Addr{})
		if n := r.Counts(); err == nil && (n.Records != int64(size(&b)) || answer.GetPartialSuccess().GetRejectedLogRecords() != n.Foreign) {
			t.Errorf("counts %+v of %d, answer %v", n, size(&b), answer)
		}
	})
}

// A sender over HTTP that showed a certificate connects anew when its connection's time is over.
func TestHTTPConnectionsAreRenewed(t *testing.T) {
	ca := admittest.NewAuthority(t)
	mutual, err := admit.ServerTLS(ca.Certificate(), ca.Key(t), ca.PEM())
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, Options{Admit: admit.Rules{TLS: mutual, Renew: time.Nanosecond}, Now: time.Now})
	transport := &http.Transport{TLSClientConfig: ca.Client(t)}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.Replace(s.http, "http:", "https:", 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if !resp.Close {
		t.Error("the connection goes on")
	}
}
