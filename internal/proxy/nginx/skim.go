package nginx

import (
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/blanks"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// Skim implements proxy.Skimmer for the text formats that access reads, and for JSON.
func (p *Parser) Skim(line []byte, k *proxy.Skim) bool {
	if len(line) > 0 && line[0] == '{' {
		return line[len(line)-1] >= ' ' && p.skimJSON(line, k)
	}
	p.blanks.Find(line)
	return p.blanks.End == len(line) && p.SkimBlanks(line, &p.blanks, k)
}

// SkimBlanks implements proxy.BlankSkimmer. It refuses what access would, and leaves to it whatever is out of the ordinary: escaped quotes,
// lists of several tries, failures, requests that no Service got. All fields but a user's name are known by their number. Where those
// that are quoted begin and end with quotes there are no others: the line has but two for each.
func (p *Parser) SkimBlanks(line []byte, l *blanks.Line, k *proxy.Skim) bool {
	const inIngress, inCombined = 16, 7 // blanks from the one before the time on
	at := l.N - inCombined
	ingress := l.Quotes == 6 && l.N >= inIngress+2
	switch {
	case ingress:
		at = l.N - inIngress
	case l.Quotes == 8: // one more quoted field
		at--
	}
	if at < 2 || l.N > blanks.Most || l.Quotes != 6 && l.Quotes != 8 || len(line) < minLine || line[len(line)-1] < ' ' {
		return false
	}
	f := (*fields)(l.At[at:])
	if !p.skimHead(line, l, f, k) || !isQuoted(line, f[2], f[3]) || !isQuoted(line, f[5], f[6]) {
		return false
	}
	var i int
	if i, k.Status = field.AfterServed(line, int(f[3])+1); i < 0 || !field.IsNumber(line, i, int(f[5])) {
		return false
	}
	end := int32(l.End)
	switch {
	case ingress:
		return isQuoted(line, f[6], f[7]) && skimUpstream(line, f, k)
	case l.Quotes == 8:
		return isQuoted(line, f[6], f[7]) && isQuoted(line, f[7], end) && skimPath(line[f[2]+2:f[3]-1], k)
	default:
		return isQuoted(line, f[6], end) && skimPath(line[f[2]+2:f[3]-1], k)
	}
}

// fields are where the blanks are from the one before the time on, in which there is one.
type fields [16]int32

// skimHead reads what comes before the request, nearly always of somebody who did not log in.
func (p *Parser) skimHead(line []byte, l *blanks.Line, f *fields, k *proxy.Skim) bool {
	client, user := int(l.At[0]), int(l.At[1])+1
	if int(l.At[1]) != client+2 || line[client+1] != '-' || !field.IsAddress(line, client) {
		return false
	}
	before, after := int(f[0]), int(f[2])
	if before <= user || after != before+1+timeWidth || line[before+1] != '[' || line[after-1] != ']' {
		return false
	}
	at := line[before+2 : after-1]
	if before != int(l.At[2]) { // the name has a blank in it, and could look like a time
		first, _, ok := cutTime(line[user:])
		if !ok || &first[0] != &at[0] {
			return false
		}
	}
	var ok bool
	k.At, ok = p.clock.Common(at)
	return ok
}

// skimPath has host and path stand for the route, which the line does not name.
func skimPath(request []byte, k *proxy.Skim) bool {
	segment, ok := field.Segment(request)
	if !ok {
		return false
	}
	k.Duration, k.ByPath = 0, true
	k.Route = append(k.Route[:0], nil, segment)
	return true
}

// minLine is shorter than any access line.
const minLine = 64

// skimUpstream reads what ingress-nginx adds, if there was one try at most, and that one did not fail.
func skimUpstream(line []byte, f *fields, k *proxy.Skim) bool {
	var i int
	if i, k.Duration = field.AfterSeconds(line, int(f[8])+1); i < 0 || !field.IsNumber(line, int(f[7])+1, int(f[8])) {
		return false
	}
	if !isBracketed(line, f[9], f[10]) || !isBracketed(line, f[10], f[11]) {
		return false
	}
	name := line[f[9]+2 : f[10]-1]
	if k.Status == 404 && string(name) == noRoute || !isOneTry(line, f) {
		return false
	}
	k.Route, k.ByPath = append(k.Route[:0], name), false
	return len(line) > int(f[15])+1 // the request's id
}

// noRoute is the upstream of requests that no rule takes.
const noRoute = "upstream-default-backend"

// isOneTry reports whether address, length, time and status are those of a single try that did not fail.
func isOneTry(line []byte, f *fields) bool {
	if f[12] == f[11]+1 || line[f[12]-1] == ',' {
		return false
	}
	if !isNone(line, f[12], f[13]) && !field.IsNumber(line, int(f[12])+1, int(f[13])) { // no body, as of an answer to HEAD
		return false
	}
	if !isNone(line, f[13], f[14]) {
		if i, _ := field.AfterSeconds(line, int(f[13])+1); i < 0 {
			return false
		}
	}
	if isNone(line, f[14], f[15]) {
		return true
	}
	i, _ := field.AfterServed(line, int(f[14])+1)
	return i > 0
}

// isQuoted reports whether what stands between two blanks, or a blank and the line's end, is a quoted field that is not escaped at its end.
func isQuoted(line []byte, from, to int32) bool {
	return to-from > 2 && line[from+1] == '"' && line[to-1] == '"' && line[to-2] != '\\'
}

// isBracketed reports whether what stands between two blanks is in brackets.
func isBracketed(line []byte, from, to int32) bool {
	return to-from > 2 && line[from+1] == '[' && line[to-1] == ']'
}

// isNone reports whether a dash that stands for nothing is between two blanks.
func isNone(line []byte, from, to int32) bool { return to-from == 2 && line[from+1] == '-' }
