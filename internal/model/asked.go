package model

import (
	"strconv"
	"strings"
)

// AskedFor reports whether an application answered with an error that its client asked for: that it does not speak a method
// which HTTP leaves it free to know (RFC 9110, 15.6.2), or the very status that the request names, as monitors ask
// httpbin's /status/503 for, and Vault's /v1/sys/health?standbycode=503. Of the query no more is known than what the line has left.
// So did who asked a member of a database cluster for its role and was told that it has another.
func (s *Signal) AskedFor() bool {
	if s.Failure != UpstreamStatus {
		return false
	}
	return s.Status == 501 && !common(s.Request.Method) || namesStatus(s.Request.Path, s.Status) || s.queriesStatus() || s.asksRole()
}

// asksRole reports whether Patroni was asked, at its usual port, if it has a role: it answers 503 where it has not, as all
// members but one must to /primary (Patroni, docs/rest_api.rst, Health check endpoints).
func (s *Signal) asksRole() bool {
	switch s.Request.Path {
	case "/primary", "/master", "/leader", "/read-write", "/standby-leader", "/standby_leader", "/replica",
		"/synchronous", "/sync", "/read-only-sync", "/asynchronous", "/async", "/read-only-quorum", "/quorum":
		return s.Status == 503 && len(s.Tries) > 0 && strings.HasSuffix(s.Tries[len(s.Tries)-1].Address, ":8008")
	default:
		return false
	}
}

// common reports whether a method is one that users' requests are made with (RFC 9110, 9.3, and RFC 5789). The others are
// WebDAV's and those of scanners.
func common(method string) bool {
	switch method {
	case "", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
		return true
	default:
		return false
	}
}

// namesStatus reports whether a path names a status as one: in the segment after one that says so.
func namesStatus(path string, status int) bool {
	said := false
	for rest, more := path, true; more; {
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		if said && isNumber(segment, status) {
			return true
		}
		said = strings.Contains(segment, "status")
	}
	return false
}

// queriesStatus reports whether a parameter of the request names the status that was answered.
func (s *Signal) queriesStatus() bool {
	if s.Request.Path == "" {
		return false
	}
	for rest := s.Raw; ; {
		before, after, found := strings.Cut(rest, s.Request.Path)
		if !found {
			return false
		}
		rest = after
		query, ok := strings.CutPrefix(after, "?")
		ok = ok && (strings.HasSuffix(before, " ") || strings.HasSuffix(before, `"`)) // not the end of another page's address
		if i := strings.IndexAny(query, " \"\t"); i >= 0 {
			query = query[:i]
		}
		for more := ok && query != ""; more; {
			var parameter string
			parameter, query, more = strings.Cut(query, "&")
			name, value, _ := strings.Cut(parameter, "=")
			if SpeaksOfStatus(name) && isNumber(value, s.Status) {
				return true
			}
		}
	}
}

// SpeaksOfStatus reports whether a parameter's name is that of a status to be answered.
func SpeaksOfStatus(parameter string) bool {
	parameter = strings.ToLower(parameter)
	return strings.HasSuffix(parameter, "code") || strings.Contains(parameter, "status")
}

// isNumber compares without writing the number out: this is asked of each failed line.
func isNumber(text string, n int) bool {
	got, err := strconv.Atoi(text)
	return err == nil && got == n
}
