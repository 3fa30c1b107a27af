package trace

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
)

// tracesPath is where a receiver of OTLP over HTTP takes traces (OpenTelemetry protocol specification, "OTLP/HTTP Request").
const tracesPath = "/v1/traces"

// Exporter sends traces to a receiver of OTLP over HTTP. It does not wait for the receiver: what cannot be sent is tried again
// for a minute, and then dropped.
type Exporter struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// New makes an exporter to a URL such as http://collector.monitoring:4318; without a path the usual one is meant. Headers and
// certificates are those of the standard variables, such as OTEL_EXPORTER_OTLP_HEADERS.
func New(ctx context.Context, to string) (*Exporter, error) {
	u, err := url.Parse(to)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is not the URL of a receiver of OTLP over HTTP", to)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = tracesPath
	}
	client, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(u.String()))
	if err != nil {
		return nil, fmt.Errorf("export traces to %s: %w", u.Redacted(), err)
	}
	about := resource.NewSchemaless(attribute.String("service.name", "gatemend"))
	p := sdk.NewTracerProvider(sdk.WithBatcher(client), sdk.WithIDGenerator(chosen{}), sdk.WithResource(about))
	return &Exporter{provider: p, tracer: p.Tracer("github.com/gatemend/gatemend")}, nil
}

// Close sends what waits, within the context's time, and ends the exporter.
func (e *Exporter) Close(ctx context.Context) error {
	if err := e.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("export traces: %w", err)
	}
	return nil
}

// Export has the trace of an incident sent that is over.
func (e *Exporter) Export(ctx context.Context, i model.Incident) {
	key := i.Cluster + "\x00" + i.ID
	ctx, whole := e.tracer.Start(choose(ctx, key, "incident"), "incident",
		trace.WithNewRoot(), trace.WithTimestamp(earlier(i.Began(), i.Opened)), trace.WithAttributes(attributes(i)...))
	for n, s := range Steps(i) {
		_, step := e.tracer.Start(choose(ctx, key, s.Name+strconv.Itoa(n)), s.Name,
			trace.WithTimestamp(s.Begin), trace.WithAttributes(attribute.String("gatemend.result", s.Text)))
		if s.Failed {
			step.SetStatus(codes.Error, s.Text)
		}
		step.End(trace.WithTimestamp(s.End))
	}
	if o, text := Outcome(i); o != "" && o != plan.Mended && o != plan.Unverified {
		whole.SetStatus(codes.Error, text)
	}
	whole.End(trace.WithTimestamp(i.Closed))
}

// attributes describe the whole incident. What is not known has none, so that one can search for those that have it.
func attributes(i model.Incident) []attribute.KeyValue {
	out := []attribute.KeyValue{
		attribute.String("k8s.cluster.name", i.Cluster),
		attribute.String("k8s.namespace.name", i.Object.Namespace),
		attribute.String("gatemend.incident", i.ID),
		attribute.String("gatemend.route", strings.Join(i.Routes, " ")),
		attribute.Int("gatemend.requests", i.Requests),
		attribute.Int("gatemend.errors", i.Errors),
		attribute.IntSlice("http.response.status_codes", i.Statuses),
		attribute.String("gatemend.end", i.Because),
	}
	if i.Cause != "" {
		out = append(out, attribute.String("gatemend.cause", string(i.Cause)), attribute.String("gatemend.object", i.Object.Ref.String()))
	}
	if n := len(i.Actions); n > 0 {
		out = append(out, attribute.String("gatemend.action", i.Actions[n-1].Action))
	}
	if n := len(i.Decisions); n > 0 {
		d := i.Decisions[n-1]
		out = append(out, attribute.Stringer("gatemend.decision", d.Verdict), attribute.String("gatemend.decided_by", d.Who))
	}
	if o, _ := Outcome(i); o != "" {
		out = append(out, attribute.String("gatemend.outcome", string(o)))
	}
	return slices.DeleteFunc(out, func(a attribute.KeyValue) bool { return a.Value.Type() == attribute.STRING && a.Value.AsString() == "" })
}

// chosen gives spans the ids that were chosen for them: those of an incident are the same whoever exports them.
type chosen struct{}

type idsKey struct{}

type ids struct {
	trace trace.TraceID
	span  trace.SpanID
}

// choose chooses the ids of the next span: the trace's by the incident, its own by its name there.
func choose(ctx context.Context, incident, span string) context.Context {
	var out ids
	whole, own := sha256.Sum256([]byte(incident)), sha256.Sum256([]byte(incident+"\x00"+span))
	copy(out.trace[:], whole[:])
	copy(out.span[:], own[:])
	return context.WithValue(ctx, idsKey{}, out)
}

// NewIDs implements [sdk.IDGenerator].
func (chosen) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	c, _ := ctx.Value(idsKey{}).(ids)
	return c.trace, c.span
}

// NewSpanID implements [sdk.IDGenerator].
func (chosen) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	c, _ := ctx.Value(idsKey{}).(ids)
	return c.span
}
