package all

import (
	"iter"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// Formats are the forms of gateways' logs that people have told, or that gateways' own configuration sets; those of the
// other gateways are their proxies'. The zero value tells of none.
type Formats struct {
	told []toldFormat
	set  []toldFormat // by workloads' own configuration
}

// toldFormat is what somebody told of some gateways' logs, or their own configuration.
type toldFormat struct {
	namespace, name string // of the gateways; empty: all that run the proxy
	text            string // as it was told
	proxy           proxy.Proxy
	format          string // as [ParserFor] takes it
}

// ParseFormats reads what people tell of logs: FORMAT, as [ParserFor] takes it, of all gateways that run its proxy, or
// NAMESPACE=FORMAT or NAMESPACE/NAME=FORMAT, of those of a namespace and of the pods of a workload.
func ParseFormats(texts []string) (Formats, error) {
	var f Formats
	for _, text := range texts {
		t := toldFormat{text: text}
		kind, _, _ := strings.Cut(text, ":")
		if of, _, ok := strings.Cut(kind, "="); ok {
			t.namespace, t.name, _ = strings.Cut(strings.TrimSpace(of), "/")
			text = text[len(of)+1:]
		}
		if _, err := ParserFor(text); err != nil {
			return Formats{}, err
		}
		t.format = text
		t.proxy, _ = Named(engine(text)) // "auto" is nobody's
		f.told = append(f.told, t)
	}
	return f, nil
}

// With adds the form that the configuration of a workload that runs a proxy sets: FORMAT as after the proxy's name and a
// colon. It is used for lines that the proxy does not write by default, and where nobody told another; one that cannot be
// read counts for nothing.
func (f Formats) With(p proxy.Proxy, namespace, workload, format string) Formats {
	t := toldFormat{namespace: namespace, name: workload, proxy: p, format: p.Name + ":" + format}
	same := func(o toldFormat) bool { return o.namespace == t.namespace && o.name == t.name && o.format == t.format }
	if _, err := ParserFor(t.format); err == nil && !slices.ContainsFunc(f.set, same) {
		f.set = append(slices.Clip(f.set), t)
	}
	return f
}

// Parser returns a parser of the log of a pod that runs a proxy. What was told of the pod's workload counts before what was
// told of its namespace, that before what was told of all, and that before what the workload's configuration says.
func (f Formats) Parser(p proxy.Proxy, pod model.Ref) proxy.Parser {
	var best *toldFormat
	for i := range f.told {
		t := &f.told[i]
		if t.fits(p, pod) && (best == nil || t.closeness() > best.closeness()) {
			best = t
		}
	}
	if best != nil {
		return best.parser()
	}
	if i := slices.IndexFunc(f.set, func(t toldFormat) bool { return t.fits(p, pod) && t.proxy.Name == p.Name }); i >= 0 {
		return either{p.NewParser(), f.set[i].parser()}
	}
	return p.NewParser()
}

// either reads a line with the first of some parsers that knows its form.
type either []proxy.Parser

func (e either) Parse(line []byte, s *model.Signal) proxy.Class {
	for _, p := range e {
		if class := p.Parse(line, s); class != proxy.Foreign {
			return class
		}
	}
	return proxy.Foreign
}

// Idle are the formats, as they were told, that are for none of some pods.
func (f Formats) Idle(pods iter.Seq[*corev1.Pod]) []string {
	idle := slices.Clone(f.told)
	for pod := range pods {
		if p, _, ok := ForPod(pod); ok {
			ref := model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name}
			idle = slices.DeleteFunc(idle, func(t toldFormat) bool { return t.fits(p, ref) })
		}
	}
	texts := make([]string, len(idle))
	for i, t := range idle {
		texts[i] = t.text
	}
	return texts
}

func (t *toldFormat) parser() proxy.Parser {
	p, _ := ParserFor(t.format) // it was made before
	return p
}

// fits reports whether a format was told of a pod. One that was told of all is for those alone that run its proxy.
func (t *toldFormat) fits(p proxy.Proxy, pod model.Ref) bool {
	if t.namespace == "" {
		return t.proxy.Name == "" || t.proxy.Name == p.Name
	}
	return t.namespace == pod.Namespace && (t.name == "" || t.name == pod.Name || strings.HasPrefix(pod.Name, t.name+"-"))
}

// closeness is how narrowly a format says whose it is.
func (t *toldFormat) closeness() int {
	switch {
	case t.name != "":
		return 2
	case t.namespace != "":
		return 1
	default:
		return 0
	}
}

// Sniffed is whose log lines are, and how they are read.
type Sniffed struct {
	proxy.Proxy
	Parser func() proxy.Parser
}

// Sniff is [Sniff] with the forms that were told beside those of the proxies.
func (f Formats) Sniff(lines [][]byte) (Sniffed, bool) {
	candidates := make([]Sniffed, 0, len(f.told)+len(proxies()))
	for i := range f.told {
		if t := &f.told[i]; t.proxy.Name != "" {
			candidates = append(candidates, Sniffed{t.proxy, t.parser})
		}
	}
	for _, p := range proxies() {
		candidates = append(candidates, Sniffed{p, p.NewParser})
	}
	lines = lines[:min(len(lines), sniffLines)]
	var best Sniffed
	most := 0
	for _, c := range candidates {
		if read := reads(c.Parser(), lines); read > most {
			best, most = c, read
		}
	}
	return best, most > 0 && most*10 >= len(lines)
}

// reads counts the lines about requests that a parser knows.
func reads(p proxy.Parser, lines [][]byte) int {
	n := 0
	for _, line := range lines {
		var s model.Signal
		if c := p.Parse(line, &s); c == proxy.Access || c == proxy.ErrorLine {
			n++
		}
	}
	return n
}
