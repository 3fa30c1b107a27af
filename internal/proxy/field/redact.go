package field

import "bytes"

// hidden stands where a credential was.
const hidden = "***"

// redactLimit is how much of a line is kept; a longer one is cut. nginx cuts at 2 KiB itself.
const redactLimit = 2048

// Redact returns the line without what may be a credential: the values of query strings, and the
// values after the words authorization, cookie, token, password, secret and api-key. Parameter names stay,
// since they help to recognise a request. It allocates, and is meant for lines of failures only.
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
			out = append(out, '=')
			out = append(out, hidden...)
			i = skipValue(line, i+1)
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
