package logfile

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// sniffLines is how many lines are held back to find out whose log it is.
const sniffLines = 100

// maxQuoted is how much of a malformed line the report quotes.
const maxQuoted = 160

// stream reads one log.
type stream struct {
	File
	options   Options
	report    *Report
	emit      func(model.Signal)
	gateway   model.Ref
	parser    proxy.Parser // nil: not a gateway's log
	decided   bool         // whether it is known what kind of log this is
	held      []rawLine    // until it is decided
	tail      []string     // the last lines, as a ring
	seen      int          // lines that went through tail
	unwrapper Unwrapper
}

type rawLine struct {
	text   []byte
	at     time.Time // at which the runtime got it; zero: it does not say
	number int
	ended  bool
}

// logs are the logs in one file: one, or where kubectl logs --prefix wrote the lines of several containers, as many.
type logs struct {
	name    string
	options Options
	report  *Report
	emit    func(model.Signal)
	streams []*stream
	of      map[source]*stream
}

func readStream(r io.Reader, name string, o Options, report *Report, emit func(model.Signal)) {
	ls := &logs{name: name, options: o, report: report, emit: emit, of: map[source]*stream{}}
	size, last, err := ls.read(r)
	if last == nil {
		last = ls.from(source{})
	}
	ls.streams[0].Bytes = size
	if err != nil {
		last.Truncated, last.Error = true, err.Error()
	}
	for _, st := range ls.streams {
		st.finish()
	}
}

// from finds the log of a container; the zero value is the one after which the file is named.
func (ls *logs) from(container source) *stream {
	if st, ok := ls.of[container]; ok {
		return st
	}
	st := &stream{File: File{Name: label(ls.options, ls.name)}, options: ls.options, report: ls.report, emit: ls.emit}
	st.Pod, st.Container, st.Previous = logName(ls.name)
	if container != (source{}) {
		st.Pod, st.Container = container.pod, container.container
	}
	st.decideByName()
	ls.of[container] = st
	ls.streams = append(ls.streams, st)
	return st
}

// decideByName decides by the pod, if the snapshot has it.
func (st *stream) decideByName() {
	if st.Pod == "" {
		return
	}
	pod, ok := st.options.Pod(st.Pod)
	if !ok {
		return
	}
	st.gateway = model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name}
	if p, container, ok := all.ForPod(pod); ok && container == st.Container {
		st.be(p, st.options.Formats.Parser(p, st.gateway))
		return
	}
	st.decided = true
}

func (st *stream) be(p proxy.Proxy, parser proxy.Parser) {
	st.decided, st.Proxy, st.parser = true, p.Name, parser
}

// read reads all lines. last is the log of the last one, nil if there is none.
func (ls *logs) read(r io.Reader) (size int64, last *stream, err error) {
	l, err := newLines(r)
	if err != nil {
		return 0, nil, err
	}
	for {
		line, ended, err := l.next()
		switch {
		case errors.Is(err, io.EOF):
			return l.bytes, last, nil
		case err != nil:
			return l.bytes, last, err
		}
		pod, container, text, is := prefixed(line)
		if !is {
			text = line
		}
		last = ls.from(source{string(pod), string(container)})
		last.Lines++
		last.Truncated = !ended
		last.wrapped(text, l.number, ended)
	}
}

func (st *stream) wrapped(line []byte, number int, ended bool) {
	text, at, ok := st.unwrapper.Unwrap(line)
	switch {
	case !ok:
	case st.decided:
		st.line(rawLine{text, at, number, ended})
	default:
		st.held = append(st.held, rawLine{bytes.Clone(text), at, number, ended})
		if len(st.held) >= sniffLines {
			st.decideByContent()
		}
	}
}

func (st *stream) decideByContent() {
	sample := make([][]byte, len(st.held))
	for i, h := range st.held {
		sample[i] = h.text
	}
	if s, ok := st.options.Formats.Sniff(sample); ok {
		st.be(s.Proxy, s.Parser())
	}
	st.decided = true
	held := st.held
	st.held = nil
	for _, h := range held {
		st.line(h)
	}
}

func (st *stream) line(l rawLine) {
	text := l.text
	if st.parser == nil {
		st.keep(string(text))
		return
	}
	if len(bytes.TrimSpace(text)) == 0 {
		st.Events++
		return
	}
	var s model.Signal
	switch st.parser.Parse(text, &s) {
	case proxy.Access:
		st.Requests++
	case proxy.ErrorLine:
		st.Errors++
	case proxy.Event:
		st.Events++
		st.keepTelling(text)
		return
	default:
		if l.ended {
			st.malformed(text, l.number)
			st.keepTelling(text)
		}
		return
	}
	s.At = Moment(s, l.at)
	s.Gateway = st.gateway
	s.Source = st.Name + ":" + strconv.Itoa(l.number)
	st.emit(s)
}

func (st *stream) malformed(text []byte, number int) {
	st.Malformed++
	if len(st.report.Malformed) < st.options.Malformed {
		st.report.Malformed = append(st.report.Malformed, Malformed{
			Source: st.Name + ":" + strconv.Itoa(number),
			Text:   field.Redact(text[:min(len(text), maxQuoted)]),
		})
	}
}

// keepTelling remembers a line of a gateway that is about no request and may say what is wrong.
func (st *stream) keepTelling(text []byte) {
	if proxy.Telling(text) {
		st.keep(string(text))
	}
}

// keep remembers the last lines of an application, or of a gateway's own words.
func (st *stream) keep(text string) {
	if len(st.tail) < st.options.Tail {
		st.tail = append(st.tail, text)
	} else {
		st.tail[st.seen%st.options.Tail] = text
	}
	st.seen++
}

func (st *stream) finish() {
	if !st.decided {
		st.decideByContent()
	}
	st.report.Files = append(st.report.Files, st.File)
	if len(st.tail) == 0 {
		return
	}
	pod := st.gateway
	if pod.IsZero() && st.Pod != "" {
		pod = model.Ref{APIVersion: "v1", Kind: "Pod", Name: st.Pod}
	}
	at := st.seen % len(st.tail)
	lines := append(append(make([]string, 0, len(st.tail)), st.tail[at:]...), st.tail[:at]...)
	st.report.Excerpts = append(st.report.Excerpts, model.LogExcerpt{
		Pod: pod, Container: st.Container, Previous: st.Previous, Lines: lines,
	})
}
