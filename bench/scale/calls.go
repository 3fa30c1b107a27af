package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
)

// call is one entry of the API server's audit log (k8s.io/apiserver/pkg/apis/audit/v1).
type call struct {
	Verb       string    `json:"verb"`
	RequestURI string    `json:"requestURI"`
	At         time.Time `json:"requestReceivedTimestamp"`
	Ref        struct {
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
		Namespace   string `json:"namespace"`
		Name        string `json:"name"`
	} `json:"objectRef"`
}

// what names the sort of a call: verb and resource, or the path of what is no resource.
func (c call) what() string {
	uri, _, _ := strings.Cut(c.RequestURI, "?")
	switch {
	case c.Ref.Resource == "":
		return c.Verb + " " + uri
	case c.Ref.Subresource != "":
		return c.Verb + " " + c.Ref.Resource + "/" + c.Ref.Subresource
	default:
		return c.Verb + " " + c.Ref.Resource
	}
}

// dry reports whether the API server was only asked what would happen.
func (c call) dry() bool { return strings.Contains(c.RequestURI, "dryRun=") }

// readCalls reads what gatemend asked of the API server, one entry for each call.
func (p *plane) readCalls() ([]call, error) {
	data, err := os.ReadFile(p.auditLog())
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	var out []call
	for line := range bytes.Lines(data[:bytes.LastIndexByte(data, '\n')+1]) { // the last one may be being written
		var entry struct {
			call
			Stage string `json:"stage"`
		}
		if err := json.Unmarshal(line, &entry); err != nil {
			return nil, fmt.Errorf("read the audit log: %w", err)
		}
		if entry.Verb == "watch" && entry.Stage == "ResponseComplete" {
			continue // it was counted when it began
		}
		out = append(out, entry.call)
	}
	return out, nil
}

// calls counts the calls since a time by what they were.
func (p *plane) calls(since time.Time) (map[string]int, error) {
	return p.count(func(c call) bool { return !c.At.Before(since) })
}

func (p *plane) callsBefore(t time.Time) (map[string]int, error) {
	return p.count(func(c call) bool { return c.At.Before(t) })
}

func (p *plane) count(of func(call) bool) (map[string]int, error) {
	all, err := p.readCalls()
	if err != nil {
		return nil, err
	}
	out := map[string]int{}
	for _, c := range all {
		if of(c) {
			out[c.what()]++
		}
	}
	return out, nil
}
