package signature

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// form is an access log that is no JSON: an expression and the names of its groups' fields.
type form struct {
	must  string // in every line of the form
	expr  func() *regexp.Regexp
	names []string
}

// forms are the text formats that proxies have by default; docs of each: nginx log_format combined and
// ingress-nginx upstreaminfo, Envoy's and Istio's default format, HAProxy's option httplog, Traefik's common
// format, the access log of AWS' application load balancer. Names are those of the proxies' JSON formats.
func forms() []form {
	return []form{
		{"] [", lazily(`" (\d{3}) (\d+) "[^"]*" "[^"]*" \d+ ([\d.]+) \[([^\]]*)\] \[[^\]]*\] (\S+(?:, \S+)*) (\S+(?:, \S+)*) (\S+(?:, \S+)*) (\S+(?:, \S+)*) \S+\s*$`), []string{
			"status", "body_bytes_sent", "request_time", "proxy_upstream_name", "upstream_addr", "upstream_response_length", "upstream_response_time", "upstream_status",
		}},
		{`" "`, lazily(`" (\d{3}) (\d+) "[^"]*" "[^"]*" \d+ "([^"]*)" "([^"]*)" \d+ms`), []string{
			"DownstreamStatus", "DownstreamContentSize", "RouterName", "ServiceAddr",
		}},
		{`" "`, lazily(`" (\d{3}) (\d+) "[^"]*" "[^"]*"`), []string{"status", "body_bytes_sent"}},
		{" \"", lazily(`" (\d{1,3}) ([A-Z]{2,5}(?:,[A-Z]{2,5})*|-) (?:(\S*[a-z_]\S*|-) (?:\S+) "([^"]*)" )?\d+ \d+ \d+ (\d+|-) "`), []string{
			"response_code", "response_flags", "response_code_details", "upstream_transport_failure_reason", "upstream_service_time",
		}},
		{"/", lazily(` \S+/(\S+) -?\d+/-?\d+/(-?\d+)/(-?\d+)/[+]?-?\d+ (-?\d+) [+]?\d+ \S+ \S+ ([a-zA-Z-]{4}) \d+/\d+/\d+/\d+/([+]?\d+) `), []string{
			"server_name", "Tc", "Tr", "status_code", "termination_state", "retries",
		}},
		{" app/", lazily(`^(?:https?|h2|wss?|grpcs?) \S+ app/\S+ \S+ (\S+) (\S+) (\S+) (\S+) (\S+) (\S+) `), []string{
			"target", "request_processing_time", "target_processing_time", "response_processing_time", "elb_status_code", "target_status_code",
		}},
	}
}

// reader takes lines apart.
type reader struct {
	forms    []form
	pair     *regexp.Regexp
	flags    *regexp.Regexp
	coded    *regexp.Regexp
	named    *regexp.Regexp
	bare     *regexp.Regexp
	reset    *regexp.Regexp
	connect  *regexp.Regexp
	sessions *regexp.Regexp
}

// newReader makes a reader when one is first needed.
func newReader() func() *reader {
	const flag = `(?:U[HFCTOR]|UPE|URX|UAEX|UMSDR|NR|NC|DC|LH|LR|DI|FI|RL|DPE|OM|DF|DO|UDO|SI|DT|NFCF)`
	return sync.OnceValue(func() *reader {
		return &reader{
			forms: forms(),
			pair:  regexp.MustCompile(`([A-Za-z][A-Za-z0-9_.]*)(?:=|: ?)"?([^\s",;]+)`),
			// As people write of a load balancer's fields: "target_status_code -", "elb_status_code is 502".
			named: regexp.MustCompile(`\b(target_processing_time|target_status_code|elb_status_code|upstream_status|upstream_addr|proxy_upstream_name|response_code_details|termination_state) (?:is |was |of |= ?)?"?(-?[\w.{}]+|-)`),
			// As people write of Envoy's flags: "response flags UF,URX", "flag: UO", "503 UH".
			flags: regexp.MustCompile(`(?i:\b(?:response[ _-]?)?flags?(?: (?:are|is|of))?[:=]? *["']?)([A-Z]{2,5}(?:,[A-Z]{2,5})*)\b`),
			coded: regexp.MustCompile(`\b(50[0-9]|404|429)[ ,/:]+["']?(` + flag + `)(?:,[A-Z]{2,5})*\b`),
			bare:  regexp.MustCompile(`^\s*["']?(` + flag + `(?:,` + flag + `)*)["']?\s*$`),
			// Envoy's own body for an attempt that failed repeats what its access log has, with blanks in place of
			// underscores (envoyproxy/envoy, source/common/router/router.cc).
			reset:    regexp.MustCompile(`reset reason: ([a-z]+(?: [a-z]+)*)`),
			connect:  regexp.MustCompile(`transport failure reason: ?([^"{}]+)|((?:delayed|immediate)[ _]connect[ _]error:[ _][^"{},]+)`),
			sessions: regexp.MustCompile(`(?:^|[\s"'(])([CSPRLIUDKcs][RQCHDLTK-][A-Z-]{2}|[CSPLIRcs][RQCHDL]--)(?:$|[\s"'),.;:])`),
		}
	})
}

// fields takes the named values out of a line: of JSON, of a known text format, or of "name=value" in running
// text. It is nil where there are none.
func (r *reader) fields(line string) map[string]string {
	out := map[string]string{}
	if i := strings.IndexByte(line, '{'); i >= 0 && strings.Contains(line[i:], `"`) && flatten(line[i:], out) {
		return out
	}
	for _, f := range r.forms {
		if !strings.Contains(line, f.must) {
			continue
		}
		if m := f.expr().FindStringSubmatch(line); m != nil {
			for i, name := range f.names {
				if m[i+1] != "" {
					out[name] = m[i+1]
				}
			}
			return out
		}
	}
	for _, m := range r.pair.FindAllStringSubmatch(line, -1) {
		out[m[1]] = m[2]
	}
	for _, m := range r.named.FindAllStringSubmatch(line, -1) {
		out[m[1]] = m[2]
	}
	r.ofFlags(line, out)
	r.ofBody(line, out)
	if m := r.sessions.FindStringSubmatch(line); m != nil {
		out["termination_state"] = m[1]
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// ofFlags takes out Envoy's flags, as people write of them.
func (r *reader) ofFlags(line string, out map[string]string) {
	if m := r.flags.FindStringSubmatch(line); m != nil {
		out["response_flags"] = m[1]
	} else if m := r.coded.FindStringSubmatch(line); m != nil {
		out["response_code"], out["response_flags"] = m[1], m[2]
	} else if m := r.bare.FindStringSubmatch(line); m != nil {
		out["response_flags"] = m[1]
	}
}

// ofBody takes out of Envoy's own body, or of a part of it, what its access log would say of a connection that failed.
func (r *reader) ofBody(line string, out map[string]string) {
	m := r.connect.FindStringSubmatch(line)
	if m == nil {
		return
	}
	why := strings.ReplaceAll(strings.TrimRight(m[1]+m[2], " ."), " ", "_")
	out["upstream_transport_failure_reason"] = why
	if m := r.reset.FindStringSubmatch(line); m != nil {
		out["response_code_details"] = "upstream_reset_before_response_started{" + strings.ReplaceAll(m[1], " ", "_") + "|" + why + "}"
	}
}

// flatten reads a JSON object into names joined by dots; values of a list are joined by commas.
func flatten(text string, out map[string]string) bool {
	var doc map[string]any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if d.Decode(&doc) != nil {
		return false
	}
	flattened("", doc, out, 0)
	return len(out) > 0
}

func flattened(name string, value any, out map[string]string, depth int) {
	switch v := value.(type) {
	case map[string]any:
		if depth > 6 {
			return
		}
		for k, sub := range v {
			if name != "" {
				k = name + "." + k
			}
			flattened(k, sub, out, depth+1)
		}
	case []any:
		for _, sub := range v {
			if depth < 6 {
				flattened(name, sub, out, depth+1)
			}
		}
	default:
		text := plainValue(v)
		if had := out[name]; had != "" && had != "-" {
			text = had + "," + text
		}
		out[name] = text
	}
}

func plainValue(value any) string {
	switch v := value.(type) {
	case string:
		if v == "" {
			return "-"
		}
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	default:
		return "-"
	}
}
