package logfile

import (
	"bytes"

	"github.com/valyala/fastjson"

	"github.com/gatemend/gatemend/internal/proxy/field"
)

// unwrapper takes off what a container runtime puts around lines, and joins lines that it split.
type unwrapper struct {
	parser fastjson.Parser
	parts  map[string][]byte // by stream
}

// unwrap returns the line that the container wrote. ok is false if more of it must come first.
func (u *unwrapper) unwrap(line []byte) (text []byte, ok bool) {
	if stream, flag, text, is := cri(line); is {
		return u.join(string(stream), text, flag == 'F')
	}
	if bytes.HasPrefix(line, []byte(`{"log":`)) {
		if v, err := u.parser.ParseBytes(line); err == nil && v.Exists("stream") {
			text, complete := bytes.CutSuffix(v.GetStringBytes("log"), []byte("\n"))
			return u.join(string(v.GetStringBytes("stream")), text, complete)
		}
	}
	return line, true
}

// cri splits "2026-03-14T09:26:00.123456789Z stdout F text", the format of the kubelet's logs
// (kubernetes/cri-api, "ContainerLogPath").
func cri(line []byte) (stream []byte, flag byte, text []byte, ok bool) {
	stamp, rest, found := bytes.Cut(line, []byte{' '})
	if !found || len(stamp) < len("2006-01-02T15:04:05Z") {
		return nil, 0, nil, false
	}
	stream, rest, found = bytes.Cut(rest, []byte{' '})
	if !found || string(stream) != "stdout" && string(stream) != "stderr" {
		return nil, 0, nil, false
	}
	if len(rest) == 0 || rest[0] != 'F' && rest[0] != 'P' || len(rest) > 1 && rest[1] != ' ' && rest[1] != ':' {
		return nil, 0, nil, false
	}
	if _, is := field.ISO(stamp); !is {
		return nil, 0, nil, false
	}
	_, text, _ = bytes.Cut(rest, []byte{' '})
	return stream, rest[0], text, true
}

func (u *unwrapper) join(stream string, text []byte, complete bool) ([]byte, bool) {
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
	u.parts[stream] = nil
	return parts, true
}
