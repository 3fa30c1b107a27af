package app

import "testing"

func TestBrief(t *testing.T) {
	for text, want := range map[string]string{
		`open log: Get "https://10.0.0.1:6443/api/v1/pods/x/log?follow=true": dial tcp 10.0.0.1:6443: connect: connection refused`: "open log: dial tcp 10.0.0.1:6443: connect: connection refused",
		"reading the pod's log\n\tis forbidden": "reading the pod's log is forbidden",
		`a log that says Get "x`:                `a log that says Get "x`,
		"":                                      "",
	} {
		if got := brief(text); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
