package all

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/gatemend/gatemend/internal/model"
)

// record is one request, as all formats write it down.
type record struct {
	at                         time.Time
	client, method, host, path string
	query, agent, referer      string // of which signals tell nothing
	status                     int
	took                       time.Duration // whole milliseconds
	tries                      []model.Try   // their addresses and statuses
	namespace, service, port   string
	route                      string
	secure                     bool
	counter                    int
}

// hostile is what clients may write to be taken for something else.
func hostile() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{
			"a", "Mozilla/5.0 (X11; Linux)", `"`, " ", `\`, `" 502 7 "-" "`, `"status":503,`, `[x] [] 10.9.9.9:1 0 0.1 502 f`, "é", "\x01", "{", "}", "|", `", host: "evil`, "#", "/", "502",
		}), 0, 5).Draw(t, "pieces"), "")
	})
}

func records() *rapid.Generator[record] {
	name := rapid.StringMatching(`[a-z]([a-z0-9]{0,6}[a-z0-9])?`)
	return rapid.Custom(func(t *rapid.T) record {
		r := record{
			at:     time.UnixMilli(rapid.Int64Range(1e12, 2e12).Draw(t, "at")).UTC(),
			client: rapid.SampledFrom([]string{"192.0.2.1", "203.0.113.77", "2001:db8::7", "2001:db8:0:1::beef"}).Draw(t, "client"),
			method: rapid.SampledFrom([]string{"GET", "POST", "PATCH", "DELETE"}).Draw(t, "method"),
			host:   rapid.SampledFrom([]string{"shop.example.org", "a.test", "x-y.z"}).Draw(t, "host"),
			path:   "/" + rapid.StringMatching(`[a-z0-9/._~%-]{0,20}`).Draw(t, "path"),
			query:  rapid.SampledFrom([]string{"", "?a=b", "?x=1&y=%22"}).Draw(t, "query"),
			agent:  hostile().Draw(t, "agent"), referer: hostile().Draw(t, "referer"),
			status:    rapid.SampledFrom([]int{200, 201, 304, 404, 429, 499, 500, 502, 503, 504}).Draw(t, "status"),
			took:      time.Duration(rapid.IntRange(0, 90000).Draw(t, "took")) * time.Millisecond,
			namespace: name.Draw(t, "namespace"), service: name.Draw(t, "service"), port: rapid.SampledFrom([]string{"80", "8443", "http"}).Draw(t, "port"),
			route: name.Draw(t, "route"), secure: rapid.Bool().Draw(t, "secure"), counter: rapid.IntRange(1, 1e6).Draw(t, "counter"),
		}
		for i := range rapid.IntRange(1, 3).Draw(t, "tries") {
			address := rapid.SampledFrom([]string{"10.1.0.5:8080", "10.1.0.6:80", "[fd00::9]:8080"}).Draw(t, "address")
			r.tries = append(r.tries, model.Try{Address: address, Status: 502})
			_ = i
		}
		r.tries[len(r.tries)-1].Status = r.status
		return r
	})
}

// signal is what a parser can know of a record; forget blanks what the format does not have.
func (r record) signal() model.Signal {
	s := model.Signal{
		At: r.at, Client: r.client, Status: r.status, Duration: r.took, Tries: r.tries,
		Request:        model.Request{Scheme: "http", Method: r.method, Host: r.host, Path: r.path},
		RouteNamespace: r.namespace, RouteName: r.route, Service: r.service, ServicePort: r.port,
	}
	if r.secure {
		s.Request.Scheme = "https"
	}
	return s
}

// lastTry keeps only the try that answered, with the status as a format without statuses of tries has it.
func lastTry(s *model.Signal) { s.Tries = s.Tries[len(s.Tries)-1:] }

func unrouted(s *model.Signal) {
	s.RouteNamespace, s.RouteName, s.Service, s.ServicePort = "", "", "", ""
}

// escaped writes text as nginx does by default.
func escaped(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			fmt.Fprintf(&b, `\x%02X`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// hashed writes text as HAProxy does.
func hashed(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c > 0x7e || strings.IndexByte(`"#{|}`, c) >= 0 {
			fmt.Fprintf(&b, `#%02X`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// object writes JSON.
func object(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // only of values that a test made itself
	}
	return string(b)
}

// list joins something of each try as nginx does.
func (r record) list(of func(model.Try) string) string {
	texts := make([]string, len(r.tries))
	for i, t := range r.tries {
		texts[i] = of(t)
	}
	return strings.Join(texts, ", ")
}

func (r record) last() model.Try { return r.tries[len(r.tries)-1] }

func (r record) scheme() string { return r.signal().Request.Scheme }

func (r record) seconds() string { return fmt.Sprintf("%.3f", r.took.Seconds()) }
