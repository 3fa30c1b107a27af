package kube

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/gatemend/gatemend/internal/snapshot"
)

// Options of a read or a watch.
type Options struct {
	// Namespace is listed where listing all namespaces is forbidden. Empty means none.
	Namespace string
	// Now tells the time of reading.
	Now func() time.Time
	// LookAgain is how often a watch tries again what was forbidden or not installed: somebody may
	// grant a right or install the Gateway API while it runs. 0 means 30 s; a read has no use for it.
	LookAgain time.Duration
}

const (
	pageSize   = 500 // objects in one answer; keeps each answer to a few MB
	concurrent = 8   // lists under way at once
	// largestRestart bounds how often one list is begun again because its continue token expired.
	largestRestart = 3
)

// Read lists everything that a request can meet. A kind that could not be listed is no error: its
// coverage says so. The error is an [*AccessError] if the cluster could not be looked at at all.
func Read(ctx context.Context, c *Clients, opt Options) (*snapshot.Snapshot, error) {
	serves, err := discover(ctx, c)
	if err != nil {
		return nil, err
	}
	all := resources()
	lists := make([]listing, len(all))
	var g errgroup.Group
	g.SetLimit(concurrent)
	for i, r := range all {
		g.Go(func() error {
			lists[i] = read(ctx, c, serves, r, opt.Namespace, list)
			return nil
		})
	}
	_ = g.Wait() // no function returns an error: each keeps its own in its listing
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read cluster at %s: %w", c.Server, context.Cause(ctx))
	}
	if err := refusal(c.Server, lists); err != nil {
		return nil, err
	}
	return assemble(all, lists, opt.Now())
}

// listing is what became of the attempt to list one resource.
type listing struct {
	objects  []runtime.Object
	coverage snapshot.Coverage
	scope    string // the namespace, if only one was listed
	why      string
	err      error // why the attempt failed
}

// read lists one resource, in one namespace if it may not in all.
func read(ctx context.Context, c *Clients, serves served, r resource, namespace string, list lister) listing {
	version, ok := serves.version(r)
	if !ok {
		return listing{coverage: snapshot.NotServed}
	}
	objects, err := list(ctx, r.in(c, version, ""))
	switch {
	case err == nil:
		return listing{objects: objects, coverage: snapshot.Complete}
	case apierrors.IsNotFound(err):
		return listing{coverage: snapshot.NotServed}
	case apierrors.IsForbidden(err) && r.namespaced && namespace != "":
		objects, inner := list(ctx, r.in(c, version, namespace))
		if inner == nil {
			why := fmt.Sprintf("only namespace %q was listed: %s", namespace, words(err))
			return listing{objects: objects, coverage: snapshot.Partial, scope: namespace, why: why}
		}
	}
	return failed(objects, err)
}

// lister gets the objects of one resource: all of them, or none but the answer whether it may.
type lister func(ctx context.Context, from access) ([]runtime.Object, error)

// firstOnly asks for one object, to find out whether a resource may be listed.
func firstOnly(ctx context.Context, from access) ([]runtime.Object, error) {
	_, err := from.list(ctx, metav1.ListOptions{Limit: 1})
	return nil, err
}

// failed sorts the error of a list. Pages that came before it are kept: they are real objects.
func failed(objects []runtime.Object, err error) listing {
	l := listing{objects: objects, coverage: snapshot.Failed, why: words(err), err: err}
	switch {
	case apierrors.IsForbidden(err):
		l.coverage = snapshot.Denied
	case len(objects) > 0:
		l.coverage = snapshot.Partial
	}
	return l
}

// words is an error as the API server put it.
func words(err error) string {
	if status, ok := errors.AsType[*apierrors.StatusError](err); ok && status.ErrStatus.Message != "" {
		return status.ErrStatus.Message
	}
	return err.Error()
}

// list gets all pages of a list. With an error it returns the pages that came before.
func list(ctx context.Context, from access) ([]runtime.Object, error) {
	var objects []runtime.Object
	opts := metav1.ListOptions{Limit: pageSize}
	for restarts := 0; ; {
		answer, err := from.list(ctx, opts)
		if apierrors.IsResourceExpired(err) && opts.Continue != "" && restarts < largestRestart {
			// The list took longer than etcd keeps old revisions. Half a list of one moment and
			// half of another would show moved objects twice or never, so it is begun again.
			restarts++
			objects, opts.Continue = nil, ""
			continue
		}
		if err != nil {
			return objects, err
		}
		items, err := meta.ExtractListWithAlloc(answer)
		if err != nil {
			return objects, fmt.Errorf("read list: %w", err)
		}
		objects = append(objects, items...)
		head, err := meta.ListAccessor(answer)
		if err != nil {
			return objects, fmt.Errorf("read list: %w", err)
		}
		if opts.Continue = head.GetContinue(); opts.Continue == "" {
			return objects, nil
		}
	}
}

// refusal is the error of a read in which nothing at all could be listed.
func refusal(server string, lists []listing) error {
	var forbidden, other error
	for _, l := range lists {
		switch {
		case l.coverage == snapshot.Complete, l.coverage == snapshot.Partial:
			return nil
		case apierrors.IsUnauthorized(l.err):
			return &AccessError{server, ErrUnauthorized, l.err}
		case l.coverage == snapshot.Denied && forbidden == nil:
			forbidden = l.err
		case l.coverage == snapshot.Failed && other == nil:
			other = l.err
		}
	}
	switch {
	case other != nil:
		return &AccessError{server, ErrUnreachable, other}
	case forbidden != nil:
		return &AccessError{server, ErrForbidden, forbidden}
	default:
		return &AccessError{server, ErrUnreachable, errors.New("it serves none of the kinds that are needed: not a Kubernetes API server?")}
	}
}

// assemble makes the snapshot of what was listed.
func assemble(all []resource, lists []listing, at time.Time) (*snapshot.Snapshot, error) {
	b := snapshot.NewBuilder()
	b.Cover(snapshot.Secrets, snapshot.NotRead, "", whyNoSecrets)
	for i, r := range all {
		l := lists[i]
		for _, o := range l.objects {
			typed, err := known(o)
			if err == nil {
				err = b.Add(typed)
			}
			if err != nil {
				b.Note(r.String(), err.Error())
				l.coverage, l.why = snapshot.Partial, err.Error()
			}
		}
		r.cover(b, l.coverage, l.scope, l.why)
	}
	return b.Seal(at), nil
}
