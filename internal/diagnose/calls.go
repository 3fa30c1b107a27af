package diagnose

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
)

// call is what an application says of a call to something else that failed.
type call struct {
	kind   model.FailureKind
	places []peer
	line   string
	source string
}

// peer is a host with a port, as an application or its settings write it; the port is 0 where none is
// written.
type peer struct {
	host   string
	port   int32
	scheme string
	// loose is set for words that may be no host at all: they count only if something has that name.
	loose bool
}

// ownPod reports whether a peer is the pod itself.
func (p peer) ownPod() bool {
	return p.host == "localhost" || strings.HasPrefix(p.host, "127.") || p.host == "::1"
}

// reader holds the patterns by which lines and settings are read; compiled once for each view.
type reader struct {
	url, pair, lookup, keyed, quoted, status, answered, answers, refused, hostly, addressy, aside *regexp.Regexp
}

func newReader() *reader {
	return &reader{
		// scheme://user:password@host:port
		url: regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*)://(?:[^/@\s"']*@)?(\[[0-9a-fA-F:]+\]|[a-zA-Z0-9._-]+)(?::(\d{1,5}))?`),
		// host:port after anything that does not belong to a name
		pair: regexp.MustCompile(`(?:^|[\s,;="'(\[@/>])([a-zA-Z][a-zA-Z0-9._-]*|\d+\.\d+\.\d+\.\d+):(\d{2,5})(?:\b|$)`),
		// The resolvers of Go, Node.js, Java (Netty says it in a sentence), libpq, curl, Twisted and Python; and what init containers wait with.
		lookup: regexp.MustCompile(`lookup ([a-zA-Z0-9][a-zA-Z0-9._-]*)(?: on \S+)?: no such host|nslookup ([a-zA-Z0-9][a-zA-Z0-9._-]*)|getaddrinfo (?:ENOTFOUND|EAI_AGAIN) ([a-zA-Z0-9._-]+)|UnknownHostException: (?:[Ff]ailed to resolve ')?([a-zA-Z0-9._-]+)|[Cc]ould not resolve host:? ([a-zA-Z0-9._-]+)|could not translate host name "([^"]+)"|no results for hostname lookup: ([a-zA-Z0-9._-]+)`),
		// urllib3, redis-py, psycopg: host='payments', port=80
		keyed: regexp.MustCompile(`\bhost=["']?([a-zA-Z0-9][a-zA-Z0-9._-]*)["']?,?\s*(?:port=["']?(\d+))?`),
		// libpq: connection to server at "catalog-db" (10.96.0.5), port 5432 failed
		quoted: regexp.MustCompile(`(?:at|host) "([a-zA-Z0-9][a-zA-Z0-9._-]*)"(?: \([^)]*\))?(?:,? (?:port|and accepting TCP/IP connections on port) (\d+))?`),
		// the status that something else answered
		status: regexp.MustCompile(`(?i)(?:returned|responded|answered|replied|response|status(?:[ _]?code)?|got|HTTP(?:/\d(?:\.\d)?)?)\D{0,16}\b5\d\d\b|code = (?:Unavailable|Internal|Unknown)|\b14 UNAVAILABLE|StatusCode\.UNAVAILABLE|(?:->|=>|→)\s*5\d\d\b|\b50[0234] (?:Bad Gateway|Service Unavailable|Gateway Time-?out|Internal Server Error)`),
		// pgjdbc, lettuce
		refused: regexp.MustCompile(`(?i)connect(?:ion)? to \S+:\d+ refused`),
		hostly:  regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\.?$`),
		// the names of settings that name another host: not HOST alone, nor LISTEN_ADDR, which are about the
		// server itself
		aside:    asideWords(),
		addressy: regexp.MustCompile(`(?i)^[a-z].*[-_.]?(host|hostname|addr|address|url|uri|endpoint|server|service|svc|broker|brokers|upstream)s?$`),
		answered: regexp.MustCompile(`(?i)(?:upstream|service|backend|dependency|call(?:ing)?(?: to)?|from|to|request to)\s+["']?([a-z][a-z0-9.-]*)["']?`),
		answers:  regexp.MustCompile(`(?i)\b([a-z][a-z0-9.-]*) (?:returned|responded|answered|replied)\b`),
	}
}

// troubles are words of failed calls with the failure that they mean, the clearest first.
func callTroubles() []struct {
	kind  model.FailureKind
	words []string
} {
	return []struct {
		kind  model.FailureKind
		words []string
	}{
		{model.NoRoute, []string{"no such host", "enotfound", "unknownhostexception", "name or service not known", "could not translate host name", "produced zero addresses", "could not resolve host", "nodename nor servname", "no results for hostname lookup"}},
		{model.Refused, []string{"connection refused", "econnrefused", "errno 111", "actively refused", "nobrokersavailable", "no brokers available", "broker transport failure"}},
		{model.Denied, []string{"authentication failed", "access denied for user", "noauth authentication required", "wrongpass", "not authorized on ", "permission denied for", "invalid username-password pair", "password authentication", "authenticationfailed", "access_refused"}},
		{model.Overload, []string{"too many clients already", "remaining connection slots are reserved", "too many connections", "max number of clients reached", "connection limit exceeded for", "oom command not allowed"}},
		// What a database or cache says that runs and does not do what it is asked: a lock that somebody else holds, a disk that is
		// full, a replica that takes no writes.
		{model.Overload, []string{"locknotavailable", "lock timeout", "lock wait timeout", "deadlock detected", "deadlock found", "database is locked", "misconf redis", "against a read only replica", "read-only transaction", "loading redis is loading", "disk usage exceeded flood-stage"}},
		// RabbitMQ takes no messages while it is short of memory or disk, and tells who sends them so (rabbitmq.com, Memory and Disk
		// Alarms, and Blocked Connections).
		{model.Overload, []string{"connection.blocked", "connectionblocked", "publishers will be blocked"}},
		{model.TLS, []string{"x509:", "wrong version number", "first record does not look like a tls handshake", "certificate verify failed", "sslhandshakeexception", "ssl handshake failed", "tls: "}},
		{model.ConnectTimeout, []string{"i/o timeout", "etimedout", "connect timed out", "connection timed out", "ehostunreach", "no route to host", "errno 110", "connecttimeout", "network is unreachable", "handshake timeout", "handshake timed out"}},
		{model.Reset, []string{"connection reset", "econnreset", "broken pipe", "socket hang up", "unexpected eof"}},
		{model.ResponseTimeout, []string{"awaiting response headers", "context deadline exceeded", "deadlineexceeded", "deadline_exceeded", "read timed out", "readtimeout", "sockettimeoutexception", "timeout exceeded", "timed out", "serverselectiontimeouterror"}},
	}
}

// call reads a line that says that a call to something else failed; ok is false for other lines.
func (rd *reader) call(line string) (c call, ok bool) {
	low := strings.ToLower(line)
	if slices.ContainsFunc([]string{"server misbehaving", "eai_again", "temporary failure in name resolution"}, func(w string) bool { return strings.Contains(low, w) }) ||
		strings.Contains(low, "lookup ") && (strings.Contains(low, "i/o timeout") || strings.Contains(low, ":53: connect")) {
		return call{}, false // the resolver did not answer: that says nothing of the name
	}
	for _, t := range callTroubles() {
		if slices.ContainsFunc(t.words, func(w string) bool { return strings.Contains(low, w) }) {
			return call{kind: t.kind, places: rd.places(line), line: strings.TrimSpace(line)}, true
		}
	}
	if rd.refused.MatchString(line) {
		return call{kind: model.Refused, places: rd.places(line), line: strings.TrimSpace(line)}, true
	}
	if !rd.status.MatchString(line) {
		return call{}, false
	}
	c = call{kind: model.UpstreamStatus, places: rd.places(line), line: strings.TrimSpace(line)}
	for _, re := range []*regexp.Regexp{rd.answered, rd.answers} {
		for _, m := range re.FindAllStringSubmatch(line, -1) {
			c.places = append(c.places, peer{host: strings.TrimRight(m[1], "."), loose: true})
		}
	}
	return c, len(c.places) > 0
}

// places lists the hosts that a text names, each once.
func (rd *reader) places(text string) []peer {
	var out []peer
	add := func(p peer) {
		p.host = strings.TrimSuffix(strings.Trim(p.host, `[]"'`), ".")
		i := slices.IndexFunc(out, func(o peer) bool { return o.host == p.host })
		switch {
		case p.host == "" || sourceFile(p.host):
		case i < 0:
			out = append(out, p)
		default:
			out[i].loose = out[i].loose && p.loose
			if out[i].port == 0 {
				out[i].port = p.port
			}
		}
	}
	for _, m := range rd.url.FindAllStringSubmatch(text, -1) {
		add(peer{host: m[2], port: portNumber(m[3]), scheme: m[1]})
	}
	for _, m := range rd.pair.FindAllStringSubmatch(text, -1) {
		add(peer{host: m[1], port: portNumber(m[2]), loose: true})
	}
	for _, re := range []*regexp.Regexp{rd.keyed, rd.quoted} {
		for _, m := range re.FindAllStringSubmatch(text, -1) {
			add(peer{host: m[1], port: portNumber(m[2])})
		}
	}
	for _, m := range rd.lookup.FindAllStringSubmatch(text, -1) {
		add(peer{host: strings.Join(m[1:], "")})
	}
	return out
}

// sourceFile reports whether what looks like host:port is a file with a line of the program.
func sourceFile(name string) bool {
	return slices.ContainsFunc([]string{".go", ".js", ".ts", ".py", ".java", ".kt", ".rb", ".rs", ".cs", ".php", ".scala", ".cc", ".cpp", ".c"}, func(end string) bool {
		return strings.HasSuffix(name, end)
	})
}

func portNumber(s string) int32 {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		return 0
	}
	return int32(n)
}

// saidBy lists the usual ports of the kind of server in whose words, or whose client's, a line is written.
func saidBy(line string) []int32 {
	low := strings.ToLower(line)
	for _, s := range []struct {
		words []string
		ports []int32
	}{
		{[]string{"postgres", "psql", "psycopg", "pq:", "pgx", "password authentication failed for user", "pg_hba"}, []int32{5432}},
		{[]string{"mongo"}, []int32{27017}},
		{[]string{"redis", "noauth", "wrongpass", "valkey", "read only replica", "oom command not allowed"}, []int32{6379}},
		{[]string{"mysql", "mariadb", "lock wait timeout", "access denied for user"}, []int32{3306}},
		{[]string{"amqp", "rabbit", "access_refused", "connection.blocked", "connectionblocked", "publishers will be blocked"}, []int32{5672}},
		{[]string{"kafka", "broker"}, []int32{9092}},
		{[]string{"memcache"}, []int32{11211}},
	} {
		if slices.ContainsFunc(s.words, func(w string) bool { return strings.Contains(low, w) }) {
			return s.ports
		}
	}
	return nil
}

// usualPort is the port of a scheme or of a kind of server, 0 if there is none.
func usualPort(scheme string) int32 {
	for _, s := range []struct {
		name string
		port int32
	}{
		{"https", 443}, {"http", 80}, {"redis", 6379}, {"valkey", 6379}, {"postgres", 5432}, {"mysql", 3306}, {"mariadb", 3306},
		{"mongo", 27017}, {"amqp", 5672}, {"rabbit", 5672}, {"kafka", 9092}, {"memcache", 11211}, {"elastic", 9200}, {"nats", 4222},
	} {
		if strings.Contains(strings.ToLower(scheme), s.name) {
			return s.port
		}
	}
	return 0
}
