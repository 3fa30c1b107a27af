package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	data "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
	accesslog "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/gatemend/gatemend/api/v1alpha1"
)

const (
	// drainWithin is how long gatemend may take until it has diagnosed everything.
	drainWithin = 10 * time.Minute
	// brake is how many repairs the default limits let begin before they take the rest for a storm
	// (docs/policy.md, limits.storm).
	brake = 5
)

// storm is what a storm came to.
type storm struct {
	routes    int           // that fail
	incidents int           // that were made of them
	diagnosed int           // of these
	drained   time.Duration // until all that were made were diagnosed, and no more were made
	changes   int           // Services that gatemend changed
	events    int           // Kubernetes events that gatemend made
	messages  int           // that people would see
	requests  int           // by which these were sent and brought up to date
	lasted    time.Duration // within which
	used      usage
}

// measureStorm breaks many Services at once, in a cluster whose policy lets gatemend mend them by itself.
func (b *bench) measureStorm(ctx context.Context, p *plane, r *report) error {
	policy := &v1alpha1.RemediationPolicy{ObjectMeta: metav1.ObjectMeta{Name: "all"}}
	policy.Spec.Rules = []v1alpha1.Rule{{Name: "all", Mode: "auto"}}
	if err := p.client.Create(ctx, policy); err != nil {
		return fmt.Errorf("make a policy: %w", err)
	}
	told, config, err := p.startReceiver(ctx)
	if err != nil {
		return err
	}
	defer told.stop()
	c, err := p.startController(ctx, "auto", "--notify", config, "--data-dir", filepath.Join(b.dir, "notify"))
	if err != nil {
		return err
	}
	defer c.stop()
	if _, err := c.awaitSync(ctx); err != nil {
		return err
	}
	hit := make([]app, 0, b.storm)
	for i := range p.apps { // the HTTPRoutes, whose gateway is of the kind that sends its access log
		if len(hit) < b.storm && i%2 == 1 {
			hit = append(hit, p.apps[i])
		}
	}
	began, before := time.Now(), c.usage()
	r.storm = &storm{routes: len(hit)}
	err = parallel(ctx, len(hit), func(ctx context.Context, i int) error {
		patch := []byte(`[{"op":"replace","path":"/spec/ports/0/targetPort","value":8081}]`)
		_, err := p.kube.CoreV1().Services(hit[i].namespace).Patch(ctx, hit[i].name, types.JSONPatchType, patch, metav1.PatchOptions{})
		return err
	})
	if err != nil {
		return fmt.Errorf("break Services: %w", err)
	}
	sending, stop := context.WithCancel(ctx)
	g, sending := errgroup.WithContext(sending)
	g.Go(func() error { return report503(sending, c.als, hit) })
	if b.profile {
		go c.profile(sending, "cpu", "profile?seconds=30")
	}
	err = p.awaitCalm(ctx, c, began, r.storm)
	stop()
	if sent := g.Wait(); sent != nil && err == nil {
		err = fmt.Errorf("report requests: %w", sent)
	}
	r.storm.used, r.storm.lasted = c.usage().since(before), time.Since(began)
	r.storm.messages, r.storm.requests = told.counts()
	if err != nil {
		return err
	}
	return p.countStorm(ctx, began, r.storm)
}

// awaitCalm waits until every incident is diagnosed and there are no new ones for a while.
func (p *plane) awaitCalm(ctx context.Context, c *controller, began time.Time, s *storm) error {
	const quiet = 20 * time.Second // an alarm that follows from others is looked at on its own after 15 s
	last := began
	for time.Since(began) < drainWithin {
		if err := c.died(); err != nil {
			return err
		}
		var list v1alpha1.IncidentList
		if err := p.client.List(ctx, &list); err != nil {
			return fmt.Errorf("list incidents: %w", err)
		}
		diagnosed := 0
		for i := range list.Items {
			if list.Items[i].Status.Diagnosis != nil {
				diagnosed++
			}
		}
		if len(list.Items) != s.incidents || diagnosed != s.diagnosed {
			last = time.Now()
		}
		s.incidents, s.diagnosed, s.drained = len(list.Items), diagnosed, last.Sub(began)
		if s.incidents > 0 && s.incidents == diagnosed && time.Since(last) > quiet {
			return nil
		}
		if err := sleep(ctx, 3*time.Second); err != nil { // a list of a thousand incidents is work for the API server, which gatemend waits for
			return err
		}
	}
	return nil // what did not drain is reported
}

// countStorm counts what gatemend did about a storm.
func (p *plane) countStorm(ctx context.Context, began time.Time, s *storm) error {
	all, err := p.readCalls()
	if err != nil {
		return err
	}
	changed := map[string]bool{} // a change, its undo and giving fields back are one repair
	for _, c := range all {
		switch {
		case c.At.Before(began) || c.dry():
		case c.Ref.Resource == "services" && c.Verb != "get" && c.Verb != "watch":
			changed[c.Ref.Namespace+"/"+c.Ref.Name] = true
		case c.Ref.Resource == "events" && c.Verb == "create":
			s.events++
		}
	}
	s.changes = len(changed)
	return ctx.Err()
}

// report503 reports requests that fail on all routes.
func report503(ctx context.Context, address string, apps []app) error {
	return sendLogs(ctx, address, func(at time.Time) []*data.HTTPAccessLogEntry {
		var out []*data.HTTPAccessLogEntry
		for _, a := range apps {
			out = append(out, failed(a, at), failed(a, at))
		}
		return out
	})
}

// sendLogs reports requests once a second, as Envoy does, until the context ends.
func sendLogs(ctx context.Context, address string, requests func(at time.Time) []*data.HTTPAccessLogEntry) error {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // nothing more is said on it
	stream, err := accesslog.NewAccessLogServiceClient(conn).StreamAccessLogs(ctx)
	if err != nil {
		return err
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	id := &accesslog.StreamAccessLogsMessage_Identifier{Node: &core.Node{Id: "envoy-public"}, LogName: "gatemend"}
	for ctx.Err() == nil {
		const batch = 200 // messages stay small
		for part := range slices.Chunk(requests(time.Now()), batch) {
			entries := &accesslog.StreamAccessLogsMessage_HTTPAccessLogEntries{LogEntry: part}
			m := &accesslog.StreamAccessLogsMessage{Identifier: id, LogEntries: &accesslog.StreamAccessLogsMessage_HttpLogs{HttpLogs: entries}}
			id = nil // Envoy names itself once
			if err := stream.Send(m); err != nil {
				if ctx.Err() != nil {
					return nil
				}
				return err
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	return nil
}

// failed is Envoy's word of a request whose endpoint refused the connection.
func failed(a app, at time.Time) *data.HTTPAccessLogEntry {
	return &data.HTTPAccessLogEntry{
		CommonProperties: &data.AccessLogCommon{
			StartTime: timestamppb.New(at), Duration: durationpb.New(2 * time.Millisecond),
			ResponseFlags:                  &data.ResponseFlags{UpstreamConnectionFailure: true},
			UpstreamCluster:                fmt.Sprintf("httproute/%s/%s/rule/0", a.namespace, a.name),
			UpstreamTransportFailureReason: "delayed connect error: 111",
			AccessLogType:                  data.AccessLogType_DownstreamEnd,
		},
		Request:  &data.HTTPRequestProperties{RequestMethod: core.RequestMethod_GET, Authority: a.host, Path: "/"},
		Response: &data.HTTPResponseProperties{ResponseCode: wrapperspb.UInt32(503), ResponseCodeDetails: "upstream_reset_before_response_started{connection_failure}"},
	}
}
