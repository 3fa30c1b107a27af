package all

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gatemend/gatemend/internal/model"
)

// facts is what the oracles, slow and readable readers of the same formats, say of a line. What a format does not have is
// left empty, and not compared.
type facts struct {
	status                     int
	client, method, path, host string
	addresses                  []string
}

// text is an oracle made of a regular expression with the groups client, method, target, host, status, up and one.
func text(pattern string) func(string) (facts, bool) {
	re := regexp.MustCompile("(?s)^" + pattern + "$")
	return func(line string) (f facts, ok bool) {
		m := re.FindStringSubmatch(line)
		if m == nil {
			return f, false
		}
		for i, name := range re.SubexpNames() {
			switch name {
			case "client":
				f.client = m[i]
			case "method":
				f.method = m[i]
			case "target":
				f.path, _, _ = strings.Cut(m[i], "?")
			case "host":
				f.host = m[i]
			case "status":
				n, err := strconv.Atoi(m[i])
				f.status, ok = max(n, 0), err == nil
			case "up":
				if m[i] != "-" {
					f.addresses = strings.FieldsFunc(m[i], func(c rune) bool { return c == ',' || c == ' ' })
				}
			}
		}
		return f, ok
	}
}

const (
	quotedText = `"(?:[^"\\]|\\.)*"`
	clfHead    = `(?P<client>[0-9a-fA-F.:]+) - [^"]* \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] `
	nginxCLF   = clfHead + `"(?P<method>[A-Z]+) (?P<target>[^" ]*) HTTP/[0-9.]+" (?P<status>\d{3}) \d+ ` + quotedText + ` ` + quotedText
	items      = `[^ ,]+(?:, [^ ,]+)*`
	envoyOne   = `\[\d{4}-[^\]]*\] "(?P<method>[A-Z]+) (?P<target>[^ ]*) HTTP/[0-9.]+" (?P<status>\d+) [A-Z,-]+ `
	envoyTwo   = `\d+ \d+ \d+ (?:\d+|-) "(?P<client>[^",]*)[^"]*" ".*" "[^"]*" "(?P<host>[^"]*)" "(?P<up>[^"]*)"`
	haproxyOne = `(?P<client>[^ ]+):\d+ \[[^\]]*\] [^ ]+ [^ /]+/[^ ]+ (?:-?\d+/){4}\+?-?\d+ (?P<status>-1|\d{3}) \d+ [^ ]+ [^ ]+ .{4} (?:\d+/){4}\+?\d+ \d+/\d+ (?:\{[^}]*\} )*`
)

// fromJSON is an oracle made of encoding/json and of paths in the object, parted by slashes; several are tried in turn.
func fromJSON(status, client, method, target, host, address string) func(string) (facts, bool) {
	return func(line string) (f facts, ok bool) {
		v, ok := decoded(line)
		if !ok {
			return f, false
		}
		f.client, _, _ = strings.Cut(str(v, client), ",")
		f.method = str(v, method)
		f.path, _, _ = strings.Cut(str(v, target), "?")
		if _, rest, absolute := strings.Cut(f.path, "://"); absolute {
			i := strings.IndexByte(rest+"/", '/')
			f.host, f.path = rest[:i], rest[i:]
		}
		if host != "" {
			f.host = str(v, host)
		}
		f.addresses = append(f.addresses, strings.FieldsFunc(str(v, address), func(c rune) bool { return c == ',' || c == ' ' })...)
		n, err := strconv.Atoi(str(v, status))
		f.status = n
		return f, err == nil
	}
}

// decoded decodes an object that all decoders agree on: no key stands there twice, all is UTF-8.
func decoded(line string) (map[string]any, bool) {
	if !utf8.ValidString(line) || strings.Contains(strings.ToLower(line), `\ud`) {
		return nil, false
	}
	var v map[string]any
	d := json.NewDecoder(strings.NewReader(line))
	d.UseNumber()
	if d.Decode(&v) != nil || d.More() {
		return nil, false
	}
	var once bytes.Buffer
	e := json.NewEncoder(&once)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return nil, false
	}
	return v, strings.Count(line, `":`) == strings.Count(once.String(), `":`)
}

func str(v map[string]any, paths string) string {
	for _, path := range strings.Fields(paths) {
		var at any = v
		for _, key := range strings.Split(path, "/") {
			object, _ := at.(map[string]any)
			at = object[key]
		}
		switch at := at.(type) {
		case string:
			return at
		case json.Number:
			return at.String()
		}
	}
	return ""
}

// oracles are in the order of forms.
func oracles() []func(string) (facts, bool) {
	return []func(string) (facts, bool){
		text(nginxCLF),
		text(nginxCLF + " " + quotedText),
		text(nginxCLF + ` kong_request_id: "[0-9a-f]+"`),
		text(nginxCLF + ` \d+ [\d.]+ \[[^\]]*\] \[[^\]]*\] (?P<up>` + items + `) ` + items + ` ` + items + ` ` + items + ` [^ ]+`),
		fromJSON("status", "remote_addr", "method", "path", "vhost", "upstream_addr"),
		kongOracle,
		text(clfHead + `"(?P<method>[A-Z]+) (?P<target>[^ ]*) HTTP/[0-9.]+" (?P<status>\d{3}) (?:\d+|-) "(?:[^"\\]|\\.)*" "(?:[^"\\]|\\.)*" \d+ "[^"]*" "http://(?P<up>[^"/]*)" \d+ms`),
		fromJSON("DownstreamStatus", "ClientHost", "RequestMethod", "RequestPath", "RequestHost", "ServiceAddr"),
		text(envoyOne + envoyTwo),
		text(envoyOne + `[^ ]+ [^ ]+ "[^"]*" ` + envoyTwo + ` [^ ]+ [^ ]+ [^ ]+ [^ ]+ [^ ]+ [^ ]+`),
		fromJSON("response_code", "x_forwarded_for", "method", "path", "authority", "upstream_host"),
		fromJSON("response_code", "x-forwarded-for", "method", "x-envoy-origin-path", ":authority", "upstream_host"),
		text(haproxyOne + `"(?P<method>[A-Z]+) (?P<host>[^ /]*)(?P<target>/[^ ]*) HTTP/[0-9.]+"`),
		text(haproxyOne + `"(?P<method>[A-Z]+) (?P<target>/[^ ]*) HTTP/[0-9.]+"`),
		fromJSON("status", "request/remote_ip", "request/method", "request/uri", "request/host", ""),
		text(`https? [^ ]+ [^ ]+ \[?(?P<client>[0-9a-f.:]+?)\]?:\d+ (?P<up>[^ ]+) [\d.-]+ [\d.-]+ [\d.-]+ (?P<status>\d{3}) (?:\d{3}|-) \d+ \d+ "(?P<method>[A-Z]+) https?://(?P<host>[^/:]+):\d+(?P<target>[^ "]*) HTTP/1.1" "[^"]*".*`),
		fromJSON("httpRequest/status", "httpRequest/remoteIp", "httpRequest/requestMethod", "httpRequest/requestUrl", "", "httpRequest/serverIp"),
		fromJSON("properties/httpStatus", "properties/clientIP", "properties/httpMethod", "properties/requestUri", "properties/originalHost", "properties/serverRouted"),
		fromJSON("status", "", "method", "uri", "host", ""),
		text(`[^ ]+:\d+ [^ ]+ - \[[^\]]+\] "(?P<method>[A-Z]+) http://(?P<host>[^/:]+):\d+(?P<target>[^ "]*) HTTP/2.0" (?P<status>\d{3}) \d+`),
	}
}

// kongOracle also puts the addresses of tries together.
func kongOracle(line string) (facts, bool) {
	f, ok := fromJSON("response/status", "client_ip", "request/method", "request/uri", "request/headers/host", "")(line)
	v, _ := decoded(line)
	tries, _ := v["tries"].([]any)
	for _, t := range tries {
		try, _ := t.(map[string]any)
		ip := str(try, "ip")
		if strings.Contains(ip, ":") {
			ip = "[" + ip + "]"
		}
		f.addresses = append(f.addresses, ip+":"+str(try, "port"))
	}
	return f, ok
}

// contradicts says in what a signal differs from what an oracle said.
func (f facts) contradicts(s model.Signal) string {
	addresses := make([]string, len(s.Tries))
	for i, t := range s.Tries {
		addresses[i] = t.Address
	}
	for _, c := range []struct {
		what      string
		got, want any
		known     bool
	}{
		{"status", s.Status, f.status, true},
		{"client", s.Client, f.client, f.client != ""},
		{"method", s.Request.Method, f.method, true},
		{"path", s.Request.Path, f.path, true},
		{"host", s.Request.Host, f.host, f.host != ""},
		{"addresses", fmt.Sprint(addresses), fmt.Sprint(f.addresses), f.addresses != nil},
	} {
		if c.known && c.got != c.want {
			return fmt.Sprintf("%s is %q, the oracle says %q", c.what, c.got, c.want)
		}
	}
	return ""
}
