package kube

import (
	"context"
	"errors"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
)

// served says which resources an API server has. The zero value knows nothing.
type served struct {
	known   bool
	broken  map[string]bool // group/versions whose server did not answer discovery
	plurals map[string]map[string]bool
}

// version picks the best version of r that is served. ok is false if it is certain that none is.
func (s served) version(r resource) (version string, ok bool) {
	if !s.known {
		return r.versions[0], true
	}
	for _, v := range r.versions {
		gv := schema.GroupVersion{Group: r.group, Version: v}.String()
		if s.plurals[gv][r.plural] || s.broken[gv] {
			return v, true
		}
	}
	return "", false
}

// discover asks the API server what it serves. Discovery needs no rights beyond being known; where
// even that is taken away, nothing is known and every resource is tried.
func discover(ctx context.Context, c *Clients) (served, error) {
	_, lists, err := c.Kube.Discovery().ServerGroupsAndResourcesWithContext(ctx)
	s := served{broken: map[string]bool{}, plurals: map[string]map[string]bool{}}
	if err != nil {
		partial, ok := errors.AsType[*discovery.ErrGroupDiscoveryFailed](err)
		switch {
		case ok:
			for gv := range partial.Groups {
				s.broken[gv.String()] = true
			}
		case answered(err) && !apierrors.IsUnauthorized(err):
			return served{}, nil // it answers, but does not tell
		default:
			return served{}, accessError(c.Server, err)
		}
	}
	for _, l := range lists {
		s.known = true
		if s.plurals[l.GroupVersion] == nil {
			s.plurals[l.GroupVersion] = map[string]bool{}
		}
		for _, r := range l.APIResources {
			if slices.Contains(r.Verbs, "list") || len(r.Verbs) == 0 {
				s.plurals[l.GroupVersion][r.Name] = true
			}
		}
	}
	return s, nil
}
