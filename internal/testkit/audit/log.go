// Package audit checks what a program did to a cluster, from the API server's audit log and what people decided.
//
// It knows nothing of the program: neither its record of what it did, nor its idea of what is wrong. [Read] takes the
// log as kube-apiserver writes it (Kubernetes documentation, "Auditing"; writes must be logged at level Request or
// more), [Check] holds it against the promises that the program makes. The package is pure.
package audit

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Object names what a request is about.
type Object struct {
	Resource  string // as in the API's paths: "services"
	Namespace string
	Name      string
}

// String reads "services shop/cart".
func (o Object) String() string { return fmt.Sprintf("%s %s/%s", o.Resource, o.Namespace, o.Name) }

// Entry is one request that the API server has answered.
type Entry struct {
	At          time.Time // when it came in
	User        string    // who it was made as
	Verb        string
	Object      Object
	Subresource string
	DryRun      bool
	Code        int // the status of the answer
	Body        json.RawMessage
}

// Writes reports whether an entry has changed something.
func (e Entry) Writes() bool {
	return !e.DryRun && e.Code >= 200 && e.Code < 300 && slices.Contains([]string{"create", "update", "patch", "delete", "deletecollection"}, e.Verb)
}

// event is the part of an audit event that is read (audit.k8s.io/v1).
type event struct {
	Stage                    string          `json:"stage"`
	RequestURI               string          `json:"requestURI"`
	Verb                     string          `json:"verb"`
	User                     user            `json:"user"`
	ImpersonatedUser         *user           `json:"impersonatedUser"`
	ObjectRef                *objectRef      `json:"objectRef"`
	ResponseStatus           *status         `json:"responseStatus"`
	RequestObject            json.RawMessage `json:"requestObject"`
	RequestReceivedTimestamp time.Time       `json:"requestReceivedTimestamp"`
}

type user struct {
	Username string `json:"username"`
}

type objectRef struct {
	Resource    string `json:"resource"`
	Namespace   string `json:"namespace"`
	Name        string `json:"name"`
	Subresource string `json:"subresource"`
}

type status struct {
	Code int `json:"code"`
}

// longest is the longest line that is read: the API server takes requests of 3 MB at most, which a log may quote twice.
const longest = 16 << 20

// Read reads a log, one event a line, in the order in which the requests came in. A last line that is still being
// written is left out.
func Read(r io.Reader) ([]Entry, error) {
	var out []Entry
	in := bufio.NewScanner(r)
	in.Buffer(nil, longest)
	for n := 1; in.Scan(); n++ {
		var e event
		err := json.Unmarshal(in.Bytes(), &e)
		if err != nil && !in.Scan() {
			break // the last line
		}
		if err != nil {
			return nil, fmt.Errorf("audit log, line %d: %w", n, err)
		}
		if e.Stage == "ResponseComplete" && e.ObjectRef != nil && e.ResponseStatus != nil {
			out = append(out, e.entry())
		}
	}
	if err := in.Err(); err != nil {
		return nil, errors.Join(errors.New("read audit log"), err)
	}
	slices.SortStableFunc(out, func(a, b Entry) int { return a.At.Compare(b.At) })
	return out, nil
}

func (e event) entry() Entry {
	out := Entry{
		At: e.RequestReceivedTimestamp, User: e.User.Username, Verb: e.Verb, Subresource: e.ObjectRef.Subresource,
		Object: Object{Resource: e.ObjectRef.Resource, Namespace: e.ObjectRef.Namespace, Name: e.ObjectRef.Name},
		Code:   e.ResponseStatus.Code, Body: e.RequestObject,
	}
	if e.ImpersonatedUser != nil {
		out.User = e.ImpersonatedUser.Username
	}
	if u, err := url.Parse(e.RequestURI); err == nil {
		out.DryRun = u.Query().Get("dryRun") != ""
	}
	var body struct {
		Metadata struct{ Name string }
		DryRun   []string // of a deletion
		Options  struct { // of an eviction
			DryRun []string
		} `json:"deleteOptions"`
	}
	if strings.HasPrefix(strings.TrimSpace(string(e.RequestObject)), "{") && json.Unmarshal(e.RequestObject, &body) == nil {
		out.DryRun = out.DryRun || len(body.DryRun)+len(body.Options.DryRun) > 0
		if out.Object.Name == "" {
			out.Object.Name = body.Metadata.Name
		}
	}
	return out
}
