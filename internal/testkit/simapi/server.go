// Package simapi is an API server in memory, for tests that let thousands of requests pass in made-up time.
//
// A [Server] takes the requests of real Kubernetes clients, of which it is the transport, and writes an audit log as
// kube-apiserver does. It keeps what tests of a writer depend on: resource versions and UIDs, JSON patches with their
// tests, dry runs, preconditions, PodDisruptionBudgets, and the status that each refusal has. It validates no values,
// serves no watches and runs no controllers: tests do.
package simapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// Server holds objects. Make one with [New].
type Server struct {
	now func() time.Time
	// Passing is asked before each request is handled, and again before its answer goes back: an error is what the
	// client gets in place of an answer. Nil: all pass.
	Passing func(user string, answered bool) error
	// Changed is called after each change, with the server's lock held, to let controllers work by [Server.Put] and
	// [Server.Remove]. Nil: none do.
	Changed func()

	mu      sync.Mutex
	objects map[key]*unstructured.Unstructured
	mapper  *meta.DefaultRESTMapper
	version int
	log     bytes.Buffer
}

type key struct {
	resource        schema.GroupResource
	namespace, name string
}

// New makes a server without objects. now is its clock.
func New(now func() time.Time) *Server {
	return &Server{now: now, objects: map[key]*unstructured.Unstructured{}, mapper: meta.NewDefaultRESTMapper(nil)}
}

// Client is the configuration of a client that acts as a user.
func (s *Server) Client(user string) *rest.Config {
	return &rest.Config{Host: "http://simulated", Transport: client{s, user}, QPS: -1}
}

// Mapper knows the kinds of all objects that were ever put in.
func (s *Server) Mapper() meta.RESTMapper { return s.mapper }

// Log is the audit log so far.
func (s *Server) Log() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.log.Bytes())
}

// Do calls f with the server's lock held.
func (s *Server) Do(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// Version is the resource version of the last change. Call it within [Server.Do] or Changed, like what follows.
func (s *Server) Version() int { return s.version }

// Put stores an object as a controller does, without a request; what has not changed is let be.
func (s *Server) Put(o *unstructured.Unstructured) {
	k := s.keyOf(o)
	o = o.DeepCopy()
	if old := s.objects[k]; old != nil {
		o.SetResourceVersion(old.GetResourceVersion())
		if equal(old, o) {
			return
		}
	}
	s.store(k, o)
}

// Remove takes an object away.
func (s *Server) Remove(o *unstructured.Unstructured) {
	delete(s.objects, s.keyOf(o))
	s.version++
}

// All lists the objects of a kind, or of all kinds if it is empty, by namespace and name. They are not to be changed.
func (s *Server) All(kind string) []*unstructured.Unstructured {
	var out []*unstructured.Unstructured
	for _, o := range s.objects {
		if kind == "" || o.GetKind() == kind {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b *unstructured.Unstructured) int {
		return bytes.Compare([]byte(a.GetKind()+"/"+a.GetNamespace()+"/"+a.GetName()), []byte(b.GetKind()+"/"+b.GetNamespace()+"/"+b.GetName()))
	})
	return out
}

// Get finds an object, nil if there is none. It is not to be changed.
func (s *Server) Get(kind, namespace, name string) *unstructured.Unstructured {
	for k, o := range s.objects {
		if k.name == name && k.namespace == namespace && o.GetKind() == kind {
			return o
		}
	}
	return nil
}

func (s *Server) keyOf(o *unstructured.Unstructured) key {
	gvk := o.GroupVersionKind()
	scope := meta.RESTScopeNamespace
	if o.GetNamespace() == "" {
		scope = meta.RESTScopeRoot
	}
	s.mapper.Add(gvk, scope)
	plural, _ := meta.UnsafeGuessKindToResource(gvk)
	return key{plural.GroupResource(), o.GetNamespace(), o.GetName()}
}

func (s *Server) store(k key, o *unstructured.Unstructured) {
	s.version++
	o.SetResourceVersion(strconv.Itoa(s.version))
	if o.GetUID() == "" {
		o.SetUID(uid(s.version))
	}
	if old := s.objects[k]; old == nil || !equalSpec(old, o) {
		o.SetGeneration(o.GetGeneration() + 1)
	}
	s.objects[k] = o
}

// client is the transport of a user's client.
type client struct {
	server *Server
	user   string
}

// RoundTrip answers a request.
func (c client) RoundTrip(r *http.Request) (*http.Response, error) {
	s := c.server
	if s.Passing != nil {
		if err := s.Passing(c.user, false); err != nil {
			return nil, err
		}
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, fmt.Errorf("read request: %w", err)
		}
	}
	a := s.answer(c.user, r, body)
	if s.Passing != nil {
		if err := s.Passing(c.user, true); err != nil {
			return nil, err
		}
	}
	data, err := json.Marshal(a.body)
	if err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	return &http.Response{
		StatusCode: a.code, Status: http.StatusText(a.code), Request: r, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(data)), ContentLength: int64(len(data)),
	}, nil
}

// answer is what a client gets.
type answer struct {
	code int
	body any
}

func refuse(code int, reason metav1.StatusReason, format string, args ...any) answer {
	return answer{code, metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure, Code: int32(code), Reason: reason,
		Message: fmt.Sprintf(format, args...),
	}}
}
