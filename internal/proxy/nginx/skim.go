package nginx

import (
	"bytes"

	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// Skim implements proxy.Skimmer for the text formats that access reads, and for JSON. It goes through a line
// from left to right as access does, refuses what access would, and leaves to it whatever is out of the ordinary: escaped quotes, lists of
// several tries, failures, requests that no Service got.
func (p *Parser) Skim(line []byte, k *proxy.Skim) bool {
	if len(line) < minLine || line[len(line)-1] < ' ' {
		return false
	}
	if line[0] == '{' {
		return p.skimJSON(line, k)
	}
	i := p.skimHead(line, k)
	if i < 0 {
		return false
	}
	request, i := field.Quoted(line, i)
	if i, k.Status = field.AfterServed(line, i); i < 0 {
		return false
	}
	i = field.AfterNumber(line, i)
	if i = field.AfterQuoted(line, field.AfterQuoted(line, i)); i < 0 { // referer and user agent
		return false
	}
	if i < len(line) && line[i] != '"' {
		return skimUpstream(line, i, k)
	}
	if i < len(line) && field.AfterQuoted(line, i) != len(line) {
		return false
	}
	return skimPath(request, k)
}

// skimHead reads what comes before the request, nearly always of somebody who did not log in, and returns where that ends.
func (p *Parser) skimHead(line []byte, k *proxy.Skim) (end int) {
	const before, after = " - - [", "] "
	i := field.AddressEnd(line)
	if i < 0 || len(line)-i < len(before)+timeWidth {
		return -1
	}
	var at []byte
	if j := i + len(before) + timeWidth - 2; string(line[i:i+len(before)]) == before && string(line[j:j+len(after)]) == after {
		at, end = line[i+len(before):j], j+len(after)
	} else {
		if string(line[i:i+3]) != " - " {
			return -1
		}
		var rest []byte
		var ok bool
		if at, rest, ok = cutTime(line[i+3:]); !ok {
			return -1
		}
		end = len(line) - len(rest)
	}
	var ok bool
	if k.At, ok = p.clock.Common(at); !ok {
		return -1
	}
	return end
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
func skimUpstream(line []byte, i int, k *proxy.Skim) bool {
	i, k.Duration = field.AfterSeconds(line, field.AfterNumber(line, i))
	from := i
	if i = afterBracketed(line, i); i < 0 {
		return false
	}
	name := line[from+1 : i-2]
	if k.Status == 404 && string(name) == noRoute {
		return false
	}
	if len(line)-i > 3 && string(line[i:i+3]) == "[] " { // no alternative
		i += 3
	} else {
		i = afterBracketed(line, i)
	}
	if i = afterOneTry(line, i); i < 0 {
		return false
	}
	k.Route, k.ByPath = append(k.Route[:0], name), false
	return field.IsWord(line[i:]) // the request's id
}

// noRoute is the upstream of requests that no rule takes.
const noRoute = "upstream-default-backend"

// afterBracketed passes over what stands in brackets, and the blank after it.
func afterBracketed(line []byte, i int) int {
	if i < 0 || i == len(line) || line[i] != '[' {
		return -1
	}
	end := bytes.IndexByte(line[i:], ']') + i
	if end <= i || end+2 > len(line) || line[end+1] != ' ' {
		return -1
	}
	return end + 2
}

// afterOneTry passes over address, length, time and status of a single try, and the blanks after them.
func afterOneTry(line []byte, i int) int {
	if i = field.AfterWord(line, i); i < 0 || line[i-2] == ',' {
		return -1
	}
	if j := afterNone(line, i); j > 0 { // no body, as of an answer to HEAD
		i = j
	} else {
		i = field.AfterNumber(line, i)
	}
	if j := afterNone(line, i); j > 0 {
		i = j
	} else {
		i, _ = field.AfterSeconds(line, i)
	}
	if j := afterNone(line, i); j > 0 {
		return j
	}
	end, _ := field.AfterServed(line, i)
	return end
}

// afterNone passes over the dash that stands for nothing, and the blank after it.
func afterNone(line []byte, i int) int {
	if i >= 0 && len(line)-i > 2 && line[i] == '-' && line[i+1] == ' ' {
		return i + 2
	}
	return -1
}
