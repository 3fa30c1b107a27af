package watch

import (
	"slices"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// What is known of but in part is told of, by what it is for: who may list pods of one namespace alone does not see gateways
// of others, and is told what to ask for; what could not be read, and what is not told of any more, is not calm either.
func TestUnlisted(t *testing.T) {
	for name, tc := range map[string]struct {
		cover func(*snapshot.Builder)
		want  []model.Unseen
	}{
		"all": {func(b *snapshot.Builder) { b.Cover(snapshot.GRPCRoutes, snapshot.NotServed, "", "") }, nil},
		"some may not be listed": {func(b *snapshot.Builder) {
			b.Cover(snapshot.Ingresses, snapshot.Denied, "", "no, says the server")
			b.Cover(snapshot.Pods, snapshot.Partial, "shop", "only namespace shop")
		}, []model.Unseen{{What: "all objects of kind Ingress, Pod", Why: "no, says the server (the ClusterRole gatemend-reader lets them be seen)"}}},
		"a list fails": {func(b *snapshot.Builder) {
			b.Cover(snapshot.HTTPRoutes, snapshot.Failed, "", "conversion webhook failed")
			b.Cover(snapshot.Pods, snapshot.Failed, "", "it is still being read")
		}, []model.Unseen{{What: "all that routes lead through", Why: "HTTPRoute, Pod could not be read: conversion webhook failed"}}},
		"a watch fails": {func(b *snapshot.Builder) {
			b.Cover(snapshot.Services, snapshot.Partial, "", "it is not current: connection refused")
		}, []model.Unseen{{What: "changes of what routes lead through", Why: "Service: it is not current: connection refused"}}},
		"each for itself": {func(b *snapshot.Builder) {
			b.Cover(snapshot.Ingresses, snapshot.Denied, "", "no")
			b.Cover(snapshot.HTTPRoutes, snapshot.Failed, "", "500")
			b.Cover(snapshot.Services, snapshot.Partial, "", "refused")
		}, []model.Unseen{
			{What: "all objects of kind Ingress", Why: "no (the ClusterRole gatemend-reader lets them be seen)"},
			{What: "all that routes lead through", Why: "HTTPRoute could not be read: 500"},
			{What: "changes of what routes lead through", Why: "Service: refused"},
		}},
		"what routes do not need": {func(b *snapshot.Builder) { b.Cover(snapshot.Events, snapshot.Failed, "", "500") }, nil},
	} {
		b := snapshot.NewBuilder()
		for _, k := range snapshot.Kinds() {
			b.Cover(k, snapshot.Complete, "", "")
		}
		tc.cover(b)
		if got := unlisted(b.Seal(time.Time{})); !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %+v, want %+v", name, got, tc.want)
		}
	}
}

func TestBlindness(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	envoy := []model.Unseen{{What: "envoy", Why: "read log: unexpected EOF"}}
	later := []model.Unseen{{What: "envoy", Why: "connection refused"}}
	b := blindness{}
	for _, step := range []struct {
		name   string
		after  time.Duration
		unseen []model.Unseen
		want   []string
	}{
		{"all is seen", 0, nil, nil},
		{"a stream breaks off", 100 * time.Millisecond, envoy, nil},
		{"and is back at once", 300 * time.Millisecond, nil, nil},
		{"it breaks off again", time.Second, envoy, nil},
		{"and is still away, for another reason", 2 * time.Second, later, []string{"cannot look at envoy: connection refused"}},
		{"which is said once", 3 * time.Second, envoy, nil},
		{"it is back", 9 * time.Second, nil, []string{"envoy can be looked at again, after 8s"}},
		{"which is said once too", 10 * time.Second, nil, nil},
	} {
		if got := b.update(step.unseen, start.Add(step.after)); !slices.Equal(got, step.want) {
			t.Errorf("%s: got %q, want %q", step.name, got, step.want)
		}
	}
}

// That requests are not looked at is said as long as it happens.
func TestOverflow(t *testing.T) {
	now := time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)
	var o overflow
	for _, step := range []struct {
		later    time.Duration
		requests int
		told     bool
	}{{0, 0, false}, {time.Second, 3, true}, {overflowFor / 2, 3, true}, {overflowFor / 2, 3, false}, {0, 4, true}, {overflowFor, 4, false}} {
		now = now.Add(step.later)
		if told := len(o.unseen(step.requests, now)) > 0; told != step.told {
			t.Errorf("%d requests at %s: told %t", step.requests, now.Format(time.TimeOnly), told)
		}
	}
}
