package dump

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"
)

// reader cuts the text of a file into pieces, one for each object, without ever holding more of it than
// an object needs.
type reader struct {
	w    *window
	sink sink
	file string // its name
	// broken is set behind something that could not be read: what follows may be the rest of it.
	broken bool
}

// sink takes what a reader finds, in the order of the file. Texts are valid only during the call.
type sink interface {
	piece(l *list, line int, text []byte, json bool)
	list(l *list)
	fault(f fault)
	// begin starts a container's log, to which line adds.
	begin(l Log) *Log
	line(l *Log, text []byte)
}

// list is a list of objects in a file, or nil for objects that stand alone.
type list struct {
	apiVersion, kind string // for example v1 and ServiceList; empty where they are not known yet
	cut              bool   // the API server has more: the list ends with a continue token
}

// fault is something in a file that could not be read.
type fault struct {
	line int
	why  string
	// foreign is set for text that is whole but is no Kubernetes object; nothing was lost with it.
	foreign bool
}

// read reads a whole file.
func (r *reader) read() {
	for more := true; more && len(r.w.buffer) < block; {
		more = r.w.more()
	}
	switch {
	case !isText(r.w.buffer):
		if r.w.err == nil || errors.Is(r.w.err, io.EOF) { // else it is the beginning of something else
			r.sink.fault(fault{why: "not text", foreign: true})
		}
	case r.w.peek() == '{' || r.w.peek() == '[' || isSection(r.w.buffer[r.w.at:]):
		r.json()
	default:
		r.yaml()
	}
}

// isText reports whether a file that begins so is text. The last character may be cut.
func isText(data []byte) bool {
	for n := 0; n < utf8.UTFMax && n < len(data) && !utf8.Valid(data); n++ {
		data = data[:len(data)-1]
	}
	return utf8.Valid(data) && bytes.IndexByte(data, 0) < 0
}

// The lines around a container's log in what 'kubectl cluster-info dump' prints.
const (
	sectionBegin = "==== START logs for container "
	sectionEnd   = "==== END logs for container "
)

func isSection(line []byte) bool { return bytes.HasPrefix(line, []byte(sectionBegin)) }

// section reads a container's log.
func (r *reader) section() {
	var l *Log
	if m := ofSection.FindSubmatch(r.w.lineText()); m != nil {
		l = r.sink.begin(Log{Namespace: string(m[2]), Pod: string(m[3]), Container: string(m[1]), File: r.file})
	}
	for {
		line := r.w.lineText()
		if len(line) == 0 || bytes.HasPrefix(line, []byte(sectionEnd)) {
			return
		}
		r.sink.line(l, line)
	}
}

// sections reads a file of logs alone.
func (r *reader) sections() {
	for r.w.peek() != 0 {
		if !isSection(r.w.buffer[r.w.at:]) {
			r.w.lineText()
			continue
		}
		r.section()
	}
}
