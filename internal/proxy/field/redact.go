package field

import (
	"bytes"

	"github.com/gatemend/gatemend/internal/model"
)

// hidden stands where a credential was.
const hidden = "***"

// redactLimit is how much of a line is kept; a longer one is cut. nginx cuts at 2 KiB itself.
const redactLimit = 2048

// Redact returns the line without what may be a credential: the values of query strings, and the
// values after the words authorization, cookie, token, password, secret and api-key. Parameter names stay,
// since they help to recognise a request, and so does a status that a request asks for and the line has as its answer's. It allocates, and is meant for lines of failures only.
func Redact(line []byte) string {
	if len(line) > redactLimit {
		line = line[:redactLimit]
	}
	out := make([]byte, 0, len(line))
	query := false
	for i := 0; i < len(line); {
		c := line[i]
		switch {
		case query && c == '=':
			end := skipValue(line, i+1)
			out = append(out, '=')
			if asksFor(line, i, end) {
				out = append(out, line[i+1:end]...)
			} else {
				out = append(out, hidden...)
			}
			i = end
			continue
		case endsTarget(c):
			query = false
		case c == '?':
			query = true
		}
		if n := credentialWord(line[i:]); n > 0 && !query {
			out = append(out, line[i:i+n]...)
			out = append(out, hidden...)
			i = skipCredential(line, i+n)
			continue
		}
		out = append(out, c)
		i++
	}
	return string(out)
}

func endsTarget(c byte) bool { return c == ' ' || c == '"' || c == '\t' }

func skipValue(line []byte, i int) int {
	for i < len(line) && line[i] != '&' && line[i] != ';' && !endsTarget(line[i]) {
		i++
	}
	return i
}

// asksFor reports whether a parameter, whose equals sign and end are given, is a status of a failure under a name that speaks of
// one, as in Vault's /v1/sys/health?activecode=503, and the line has just that as a word of its own: then the value says no more
// than the line does.
func asksFor(line []byte, equals, end int) bool {
	value := line[equals+1 : end]
	if len(value) != 3 || value[0] != '5' || !isDigit(value[1]) || !isDigit(value[2]) {
		return false
	}
	name := equals
	for name > 0 && line[name-1] != '?' && line[name-1] != '&' && line[name-1] != ';' {
		name--
	}
	if !model.SpeaksOfStatus(string(line[name:equals])) {
		return false
	}
	for i := 0; i+len(value) < len(line); i++ {
		next := line[i+len(value)]
		if bytes.HasPrefix(line[i:], value) && i > 0 && (endsTarget(line[i-1]) || line[i-1] == ':') && (endsTarget(next) || next == ',' || next == '}') {
			return true
		}
	}
	return false
}

// credentialWord returns how many bytes a word that announces a credential takes, with the separator
// and an opening quote after it; 0 when there is none.
func credentialWord(b []byte) int {
	for _, word := range [...]string{"authorization", "cookie", "password", "secret", "token", "api-key", "apikey"} {
		if len(b) <= len(word) || !bytes.EqualFold(b[:len(word)], []byte(word)) {
			continue
		}
		n := len(word)
		if b[n] == '"' { // the end of a JSON key
			n++
		}
		if n >= len(b) || b[n] != ':' && b[n] != '=' {
			return 0
		}
		n++
		for n < len(b) && (b[n] == ' ' || b[n] == '"') {
			n++
		}
		return n
	}
	return 0
}

// skipCredential passes over a header's value: up to the closing quote, or the end of the line for a
// value that is not quoted ("Basic" and "Bearer" carry a blank).
func skipCredential(line []byte, i int) int {
	for i < len(line) && line[i] != '"' && line[i] != '}' && line[i] != ',' {
		i++
	}
	return i
}
