package field

import "bytes"

// RequestLine splits "GET /cart?x=1 HTTP/1.1" into method and target. It reports false for what is not
// such a line, which happens when something else than HTTP arrives at the port.
func RequestLine(b []byte) (method, target []byte, ok bool) {
	method, rest, found := bytes.Cut(b, []byte{' '})
	if !found || !isMethod(method) {
		return nil, nil, false
	}
	last := bytes.LastIndexByte(rest, ' ')
	if last < 0 || !bytes.HasPrefix(rest[last+1:], []byte("HTTP/")) {
		return nil, nil, false
	}
	return method, rest[:last], true
}

func isMethod(b []byte) bool {
	if len(b) == 0 || len(b) > 20 {
		return false
	}
	for _, c := range b {
		if (c < 'A' || c > 'Z') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// Target splits a request target into host and path, without the query. Only the absolute form
// ("http://host/path", RFC 9112 section 3.2.2) carries a host.
func Target(b []byte) (host, path []byte) {
	for _, end := range [...]byte{'?', '#'} {
		if i := bytes.IndexByte(b, end); i >= 0 {
			b = b[:i]
		}
	}
	if len(b) == 0 || b[0] == '/' || b[0] == '*' {
		return nil, b
	}
	if _, rest, ok := bytes.Cut(b, []byte("://")); ok {
		if i := bytes.IndexByte(rest, '/'); i >= 0 {
			return rest[:i], rest[i:]
		}
		return rest, []byte("/")
	}
	return nil, b
}

// Host returns an authority without its port; brackets around an IPv6 address go too.
func Host(b []byte) []byte {
	if len(b) > 0 && b[0] == '[' {
		if i := bytes.IndexByte(b, ']'); i > 0 {
			return b[1:i]
		}
		return b
	}
	if i := bytes.LastIndexByte(b, ':'); i >= 0 && bytes.IndexByte(b, ':') == i {
		return b[:i]
	}
	return b
}

// Unset reports whether a text format printed "there is none".
func Unset(b []byte) bool {
	return len(b) == 0 || len(b) == 1 && b[0] == '-'
}

// FirstSegment returns the beginning of a path, "/cart" of "/cart/items": as much as may stand for the whole
// where nothing else tells what a request was for.
func FirstSegment[text string | []byte](path text) text {
	for i := 1; i < len(path); i++ {
		if path[i] == '/' {
			return path[:i]
		}
	}
	return path
}

// Segment is [FirstSegment] of the path in a request line. It takes the plainest form only, "GET /cart/items?x=1 HTTP/1.1", in which
// [RequestLine] and [Target] would find the same, and is faster.
func Segment(request []byte) (segment []byte, ok bool) {
	n := targetEnd(request)
	i := 0
	for i < n && i < 20 && request[i] >= 'A' && request[i] <= 'Z' {
		i++
	}
	if i == 0 || request[i] != ' ' || i+1 >= n {
		return nil, false
	}
	return TargetSegment(request[i+1 : n])
}

// TargetSegment is [FirstSegment] of the path of a request's target that begins with it: "/cart" of "/cart?x=1".
func TargetSegment(target []byte) (segment []byte, ok bool) {
	if len(target) == 0 || target[0] != '/' {
		return nil, false
	}
	end := 1
	for end < len(target) && target[end] != '/' && target[end] != '?' && target[end] != '#' {
		end++
	}
	return target[:end], true
}

// targetEnd is where the blank before "HTTP/1.1" or "HTTP/2" is, or 0.
func targetEnd(request []byte) int {
	const protocol = " HTTP/"
	n := len(request)
	if n > 9 && isDigit(request[n-1]) && request[n-2] == '.' && isDigit(request[n-3]) && string(request[n-9:n-3]) == protocol {
		return n - 9
	}
	if n > 7 && isDigit(request[n-1]) && string(request[n-7:n-1]) == protocol {
		return n - 7
	}
	return 0
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
