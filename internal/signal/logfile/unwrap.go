package logfile

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fastjson"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// Unwrapper takes off what a container runtime and kubectl logs --timestamps put around the lines of a log, and joins lines that
// were split. The zero value is ready.
type Unwrapper struct {
	parser fastjson.Parser
	parts  map[string][]byte // by stream
}

// Unwrap returns the line that the container wrote, and when the runtime got it; the zero time where that
// is not said. ok is false if more of the line must come first.
func (u *Unwrapper) Unwrap(line []byte) (text []byte, at time.Time, ok bool) {
	if at, stream, flag, text, is := cri(line); is {
		text, ok = u.join(string(stream), text, flag == 'F')
		return text, at, ok
	}
	if bytes.HasPrefix(line, []byte(`{"log":`)) {
		if v, err := u.parser.ParseBytes(line); err == nil && v.Exists("stream") {
			text, complete := bytes.CutSuffix(v.GetStringBytes("log"), []byte("\n"))
			at, _ = field.ISO(v.GetStringBytes("time"))
			text, ok = u.join(string(v.GetStringBytes("stream")), text, complete)
			return text, at, ok
		}
	}
	if at, text, is := stamped(line); is {
		return text, at, true
	}
	return line, time.Time{}, true
}

// Pending reports whether the beginning of a line waits for its end.
func (u *Unwrapper) Pending() bool {
	for _, p := range u.parts {
		if len(p) > 0 {
			return true
		}
	}
	return false
}

// Rest returns the begins of lines whose end did not come, and forgets them.
func (u *Unwrapper) Rest() [][]byte {
	var rest [][]byte
	for _, stream := range slices.Sorted(maps.Keys(u.parts)) {
		if parts := u.parts[stream]; len(parts) > 0 {
			rest = append(rest, parts)
		}
	}
	u.parts = nil
	return rest
}

// cri splits "2026-03-14T09:26:00.123456789Z stdout F text", the format of the kubelet's logs
// (kubernetes/cri-api, "ContainerLogPath").
func cri(line []byte) (at time.Time, stream []byte, flag byte, text []byte, ok bool) {
	stamp, rest, found := bytes.Cut(line, []byte{' '})
	if !found || len(stamp) < len("2006-01-02T15:04:05Z") {
		return time.Time{}, nil, 0, nil, false
	}
	stream, rest, found = bytes.Cut(rest, []byte{' '})
	if !found || string(stream) != "stdout" && string(stream) != "stderr" {
		return time.Time{}, nil, 0, nil, false
	}
	if len(rest) == 0 || rest[0] != 'F' && rest[0] != 'P' || len(rest) > 1 && rest[1] != ' ' && rest[1] != ':' {
		return time.Time{}, nil, 0, nil, false
	}
	at, is := field.ISO(stamp)
	if !is {
		return time.Time{}, nil, 0, nil, false
	}
	_, text, _ = bytes.Cut(rest, []byte{' '})
	return at, stream, rest[0], text, true
}

// source is the container that a line is of.
type source struct{ pod, container string }

func (s source) String() string { return s.pod + "/" + s.container }

// replica reports whether two containers are the same one of one workload, whose pods differ in what is generated.
func (s source) replica(other source) bool {
	return s.container == other.container && named(s.pod) == named(other.pod)
}

// named is what the pods of one workload have in common in their names. A pod is called NAME-HASH-RANDOM by its ReplicaSet, and NAME-RANDOM
// or NAME-NUMBER by others; HASH is a number whose digits are written as other characters (k8s.io/apimachinery, pkg/util/rand,
// "SafeEncodeString").
func named(pod string) string {
	const fewest, digits = 6, "456789bcdf" // a smaller number is one hash in 40,000
	i := strings.LastIndexByte(pod, '-')
	if i < 0 {
		return pod
	}
	name := pod[:i]
	if i = strings.LastIndexByte(name, '-'); i > 0 && len(name)-i > fewest && strings.Trim(name[i+1:], digits) == "" {
		return name[:i]
	}
	return name
}

// prefixed splits "[pod/NAME/CONTAINER] text", what kubectl logs --prefix prints (kubernetes/kubectl, pkg/cmd/logs).
func prefixed(line []byte) (pod, container, text []byte, ok bool) {
	rest, found := bytes.CutPrefix(line, []byte("[pod/"))
	if !found {
		return nil, nil, nil, false
	}
	name, text, found := bytes.Cut(rest, []byte("] "))
	pod, container, split := bytes.Cut(name, []byte{'/'})
	if !found || !split || len(pod) == 0 || len(container) == 0 || bytes.ContainsAny(container, "/ ") || bytes.IndexByte(pod, ' ') >= 0 {
		return nil, nil, nil, false
	}
	return pod, container, text, true
}

// stamped splits "2026-03-14T09:26:00.123456789Z text", what kubectl logs --timestamps prints: always nine digits
// (kubernetes/kubernetes, pkg/kubelet/kuberuntime/logs, "timeFormatOut"), which no gateway writes of itself.
func stamped(line []byte) (at time.Time, text []byte, ok bool) {
	const fixed = len("2006-01-02T15:04:05.000000000")
	if len(line) <= fixed || line[len("2006-01-02")] != 'T' || line[len("2006-01-02T15:04:05")] != '.' {
		return time.Time{}, nil, false
	}
	stamp, text, _ := bytes.Cut(line, []byte{' '})
	if len(stamp) < fixed+len("Z") || stamp[fixed] != 'Z' && stamp[fixed] != '+' && stamp[fixed] != '-' {
		return time.Time{}, nil, false
	}
	at, ok = field.ISO(stamp)
	return at, text, ok
}

func (u *Unwrapper) join(stream string, text []byte, complete bool) ([]byte, bool) {
	parts := u.parts[stream]
	if complete && len(parts) == 0 {
		return text, true
	}
	if u.parts == nil {
		u.parts = map[string][]byte{}
	}
	if room := maxLine - len(parts); room > 0 {
		parts = append(parts, text[:min(len(text), room)]...)
	}
	if !complete {
		u.parts[stream] = parts
		return nil, false
	}
	u.parts[stream] = nil // the text is handed on
	return parts, true
}

// Moment says when a request ended: a line's own time, or if that is in whole seconds only, or of an
// unknown zone, the moment at which the node received the line. Both are written when the request ends.
func Moment(s model.Signal, stamp time.Time) time.Time {
	switch {
	case stamp.IsZero():
		return s.At
	case s.ErrorLog || s.At.IsZero() || s.At.Nanosecond() == 0 && stamp.Sub(s.At).Abs() < 2*time.Second:
		return stamp
	default:
		return s.At
	}
}
