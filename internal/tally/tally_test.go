package tally

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/detect"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/all"
)

// texts is a source of logs in memory, in chunks of about a size.
type texts struct {
	size  int
	logs  []string
	begun bool
	at    int
	file  int
	err   error // at the end
}

func (s *texts) Next(c *Chunk, begin func(string, bool)) error {
	for len(s.logs) > 0 && s.at == len(s.logs[0]) && s.begun {
		s.logs, s.at, s.begun = s.logs[1:], 0, false
		s.file++
	}
	if len(s.logs) == 0 {
		if s.err != nil {
			return s.err
		}
		return io.EOF
	}
	if !s.begun {
		begin(fmt.Sprintf("log%d", len(s.logs)), len(s.logs[0])%2 == 0)
		s.begun = true
	}
	text := s.logs[0][s.at:]
	n := min(len(text), s.size)
	if i := strings.IndexByte(text[n:], '\n'); i >= 0 {
		n += i + 1
	} else {
		n = len(text)
	}
	c.Text, c.File, c.Bytes, c.Cut = append(c.Text, text[:n]...), s.file, n, false
	s.at += n
	return nil
}

func count(t *testing.T, src Source, workers int, o Options) model.LogReport {
	t.Helper()
	got, err := Run(context.Background(), src, workers, o, Notify{})
	if err != nil {
		t.Fatal(err)
	}
	return got.Finish()
}

// traffic makes a log of the successes above, failures, other lines and broken ones.
func traffic(seed uint64, lines int) string {
	r := rand.New(rand.NewPCG(seed, 2))
	var b strings.Builder
	at := time.Date(2026, 3, 14, 9, 0, 0, 0, time.UTC)
	for range lines {
		at = at.Add(time.Duration(r.IntN(400)) * time.Millisecond)
		stamp, service := at.Format("02/Jan/2006:15:04:05 -0700"), []string{"shop-web-80", "shop-cart-http", "a-b-c-d", "upstream-default-backend", ""}[r.IntN(5)]
		head := fmt.Sprintf(`10.0.0.%d - - [%s] "GET /p%d/x HTTP/1.1" `, r.IntN(9), stamp, r.IntN(9))
		took := fmt.Sprintf("%.3f", r.ExpFloat64()/10)
		switch r.IntN(20) {
		case 0:
			fmt.Fprintf(&b, "%s502 0 \"-\" \"x\" 9 %s [%s] [] 10.1.0.1:80 0 %s 502 id\n", head, took, service, took)
		case 1:
			fmt.Fprintf(&b, "%s200 7 \"-\" \"x\" 9 %s [%s] [] 10.1.0.1:80, 10.1.0.2:80 0, 7 0.001, %s 502, 200 id\n", head, took, service, took)
		case 2:
			b.WriteString(head[:r.IntN(len(head))] + "\n")
		case 3:
			fmt.Fprintf(&b, "%s [notice] 31#31: signal process started\n", at.Format("2006/01/02 15:04:05"))
		case 4:
			fmt.Fprintf(&b, "%s404 0 \"-\" \"a \\\"b\\\"\" 9 %s [%s] [] - - - - id\n", head, took, service)
		case 5:
			b.WriteString("\n")
		default:
			status := 200 + r.IntN(250)
			fmt.Fprintf(&b, "%s%d 7 \"-\" \"x\" 9 %s [%s] [] 10.1.0.1:80 7 %s %d id\n", head, status, took, service, took, status)
		}
	}
	return b.String()
}

// slowly counts a log with the parser alone, line by line.
func slowly(text string, p proxy.Parser) model.LogReport {
	r := model.LogReport{Statuses: map[string]int{}, Failures: map[model.FailureKind]int{}}
	routes := map[string]*model.LogRoute{}
	for line := range bytes.Lines([]byte(text)) {
		r.Lines++
		var s model.Signal
		class := p.Parse(bytes.TrimRight(line, "\n"), &s)
		if class == proxy.Foreign {
			r.Bad++
			continue
		}
		r.Parsed++
		if class != proxy.Access {
			continue
		}
		name := RouteOf(&s).String()
		if routes[name] == nil {
			routes[name] = &model.LogRoute{Route: name, Statuses: map[string]int{}, Failures: map[model.FailureKind]int{}}
		}
		route := routes[name]
		r.Requests++
		route.Requests++
		r.Statuses[fmt.Sprintf("%03d", s.Status)]++
		route.Statuses[fmt.Sprintf("%03d", s.Status)]++
		if detect.Failing(&s) {
			r.Errors++
			route.Errors++
		}
		if s.Failed() {
			kind := s.Failure
			r.Failures[kind]++
			route.Failures[kind]++
		}
	}
	for _, route := range routes {
		r.Routes = append(r.Routes, *route)
	}
	return r
}

// counted is what a report counts, by which two can be compared.
func counted(r model.LogReport) map[string]string {
	c := map[string]string{"": fmt.Sprint(r.Lines, r.Parsed, r.Bad, r.Requests, r.Errors, r.Statuses, r.Failures)}
	for _, route := range r.Routes {
		c[route.Route] = fmt.Sprint(route.Requests, route.Errors, route.Statuses, route.Failures)
	}
	return c
}

// However a log is cut and however many count it, the counts are those of the parser alone.
func TestCountsExactly(t *testing.T) {
	for seed := range uint64(4) {
		text := traffic(seed, 3000)
		want := counted(slowly(text, all.Proxies()[0].NewParser()))
		for _, size := range []int{1, 100, 5000, 1 << 20} {
			for _, workers := range []int{1, 3} {
				got := count(t, &texts{size: size, logs: []string{text}}, workers, Options{Format: "nginx", Parser: all.Proxies()[0].NewParser})
				if d := cmp.Diff(want, counted(got)); d != "" {
					t.Fatalf("seed %d, chunks of %d, %d workers (-want +got)\n%s", seed, size, workers, d)
				}
			}
		}
	}
}

// The order in which chunks are done by several goroutines shows nowhere.
func TestSameForAllWorkers(t *testing.T) {
	logs := func() Source { return &texts{size: 3000, logs: []string{traffic(1, 4000), traffic(2, 500)}} }
	want := count(t, logs(), 1, Options{})
	if want.Format != "nginx" || len(want.Slowest) != maxSlow || len(want.BadLines) != maxBroken || len(want.Samples) == 0 || want.Timeline.Parts == nil {
		t.Fatalf("the report lacks something: %+v", want)
	}
	for workers := 2; workers < 5; workers++ {
		if d := cmp.Diff(want, count(t, logs(), workers, Options{})); d != "" {
			t.Errorf("%d workers (-one +more)\n%s", workers, d)
		}
	}
}

func access(second, status int) string {
	return fmt.Sprintf("10.0.0.9 - - [14/Mar/2026:09:%02d:%02d +0000] \"GET /buy HTTP/1.1\" %d 0 \"-\" \"x\" 9 0.001 [shop-web-80] [] 10.1.0.1:80 0 0.001 %d id\n",
		second/60, second%60, status, status)
}

func TestJoinsErrorLines(t *testing.T) {
	refused := `2026/03/14 09:00:01 [error] 1#1: *7 connect() failed (111: Connection refused) while connecting to upstream, client: 10.0.0.9, server: a, request: "GET /buy HTTP/1.1", upstream: "http://10.1.0.1:80/buy", host: "a"` + "\n"
	for name, test := range map[string]struct {
		log      string
		failures map[model.FailureKind]int
		errors   int
		lines    int // of the first sample
	}{
		"before":    {refused + access(1, 502), map[model.FailureKind]int{model.Refused: 1}, 1, 2},
		"after":     {access(1, 502) + refused, map[model.FailureKind]int{model.Refused: 1}, 1, 2},
		"none":      {access(1, 502), map[model.FailureKind]int{model.OtherFailure: 1}, 1, 1},
		"alone":     {refused, map[model.FailureKind]int{model.Refused: 1}, 1, 1},
		"too late":  {access(100, 502) + access(200, 502) + refused, map[model.FailureKind]int{model.OtherFailure: 2, model.Refused: 1}, 3, 1},
		"two, each": {refused + refused + access(1, 502) + access(2, 502), map[model.FailureKind]int{model.Refused: 2}, 2, 2},
	} {
		got := count(t, &texts{size: 1, logs: []string{test.log}}, 1, Options{})
		if d := cmp.Diff(test.failures, got.Failures); d != "" || got.Errors != test.errors || len(got.Samples[0].Lines) != test.lines {
			t.Errorf("%s: %d errors, samples %+v, failures (-want +got)\n%s", name, got.Errors, got.Samples, d)
		}
	}
}

// A log that has no hosts counts by paths, also what its error log tells with a host.
func TestJoinsWithoutHosts(t *testing.T) {
	const text = `192.0.2.1 - - [14/Mar/2026:09:26:01 +0000] "GET /b HTTP/1.1" 502 157 "-" "curl/8"
2026/03/14 09:26:01 [error] 31#31: *7 connect() failed (111: Connection refused) while connecting to upstream, client: 192.0.2.1, server: a, request: "GET /b HTTP/1.1", upstream: "http://10.1.0.6:80/b", host: "a"
`
	got := count(t, &texts{size: 1 << 20, logs: []string{text}}, 1, Options{})
	if len(got.Routes) != 1 || got.Routes[0].Route != "/b" || got.Routes[0].Errors != 1 || got.Routes[0].Failures[model.Refused] != 1 {
		t.Errorf("routes %+v", got.Routes)
	}
	if len(got.Samples) != 1 || len(got.Samples[0].Lines) != 2 {
		t.Errorf("samples %+v, want one of both lines", got.Samples)
	}
}

// Where errors are in a log of their own, which is read first, they are about the requests of the next log and no other.
func TestJoinsAcrossLogs(t *testing.T) {
	refused := func(second int) string {
		return fmt.Sprintf(`2026/03/14 09:%02d:%02d [error] 1#1: *7 connect() failed (111: Connection refused) while connecting to upstream, client: 10.0.0.9, server: a, request: "GET /buy HTTP/1.1", upstream: "http://10.1.0.1:80/buy", host: "a"`+"\n", second/60, second%60)
	}
	another := func(text string) string { return text + strings.Repeat("\n", len(text)%2) } // see texts
	requests := another(access(1, 502) + access(900, 502) + access(1800, 502))
	for name, test := range map[string]struct {
		logs     []string
		failures map[model.FailureKind]int
		errors   int
	}{
		"each":            {[]string{refused(1) + refused(900) + refused(1800), requests}, map[model.FailureKind]int{model.Refused: 3}, 3},
		"one":             {[]string{refused(900), requests}, map[model.FailureKind]int{model.Refused: 1, model.OtherFailure: 2}, 3},
		"of two":          {[]string{refused(1800), another(refused(1)), requests}, map[model.FailureKind]int{model.Refused: 2, model.OtherFailure: 1}, 3},
		"of none":         {[]string{refused(901), another(refused(1))}, map[model.FailureKind]int{model.Refused: 2}, 2},
		"at another time": {[]string{refused(600), requests}, map[model.FailureKind]int{model.Refused: 1, model.OtherFailure: 3}, 4},
		"of the next":     {[]string{refused(1), requests, requests}, map[model.FailureKind]int{model.Refused: 1, model.OtherFailure: 5}, 6},
		"after them":      {[]string{requests, another(refused(1))}, map[model.FailureKind]int{model.Refused: 1, model.OtherFailure: 3}, 4},
	} {
		for _, size := range []int{1, 1 << 20} {
			got := count(t, &texts{size: size, logs: slices.Clone(test.logs)}, 2, Options{})
			if d := cmp.Diff(test.failures, got.Failures); d != "" || got.Errors != test.errors {
				t.Errorf("%s: %d errors, want %d, failures (-want +got)\n%s", name, got.Errors, test.errors, d)
			}
		}
	}
}

func TestAlarms(t *testing.T) {
	var log strings.Builder
	for second := range 900 {
		status := 200
		if second >= 600 && second < 660 {
			status = 502
		}
		for range 5 {
			log.WriteString(access(second, status))
		}
	}
	got := count(t, &texts{size: 4000, logs: []string{log.String()}}, 2, Options{})
	if len(got.Alarms) != 1 {
		t.Fatalf("alarms %+v, want one", got.Alarms)
	}
	a := got.Alarms[0]
	start := time.Date(2026, 3, 14, 9, 0, 0, 0, time.UTC)
	if a.Route != "shop/web:80" || a.Open || !a.From.Equal(start.Add(600*time.Second)) || !a.To.Equal(start.Add(659*time.Second)) || a.Errors < 290 {
		t.Errorf("alarm %+v", a)
	}
}

func TestTimeBounds(t *testing.T) {
	var log strings.Builder
	for second := range 100 {
		log.WriteString(access(second, 200+302*(second%2)))
	}
	start := time.Date(2026, 3, 14, 9, 0, 0, 0, time.UTC)
	got := count(t, &texts{size: 500, logs: []string{log.String()}}, 1, Options{Since: start.Add(10 * time.Second), Until: start.Add(20 * time.Second)})
	if got.Requests != 10 || got.Errors != 5 || got.Outside != 90 || !got.From.Equal(start.Add(10*time.Second)) || !got.To.Equal(start.Add(19*time.Second)) {
		t.Errorf("%d requests, %d errors, %d outside, from %v to %v", got.Requests, got.Errors, got.Outside, got.From, got.To)
	}
}

// Memory stays bounded whatever clients ask for, and nothing gets lost. Which routes have counts and alarms of their own does
// not depend on who counts what.
func TestManyRoutes(t *testing.T) {
	const times, routes = 2, 2 * maxRoutes
	var log strings.Builder
	lines := 0
	for range times {
		for i := range routes {
			status, n := 200, 1
			if i%1000 == 0 {
				status, n = 502, 3
			}
			for range n {
				fmt.Fprintf(&log, "10.0.0.1 - - [14/Mar/2026:09:26:%02d +0000] \"GET /%d HTTP/1.1\" %d 1 \"-\" \"x\"\n", i*60/routes, i, status)
				lines++
			}
		}
	}
	count := func(workers int) model.LogReport {
		return count(t, &texts{size: 1 << 14, logs: []string{log.String()}}, workers, Options{})
	}
	want := count(1)
	other := slices.IndexFunc(want.Routes, func(r model.LogRoute) bool { return r.Route == "(other routes)" })
	if want.Requests != lines || len(want.Routes) != maxRoutes+1 || other < 0 || want.Routes[other].Requests != lines/2 || len(want.Alarms) < 5 {
		t.Fatalf("%d requests, %d routes, of which number %d is the other ones, %d alarms", want.Requests, len(want.Routes), other, len(want.Alarms))
	}
	if d := cmp.Diff(want, count(3)); d != "" {
		t.Fatalf("with three counters (-one +three)\n%.2000s", d)
	}
}

// A log of another proxy in the middle is noticed.
func TestFormChanges(t *testing.T) {
	const envoy = `[2026-03-14T09:26:00.123Z] "GET / HTTP/1.1" 503 UF 0 5123 4 4 "192.0.2.10" "x" "id" "shop.example.com" "10.244.1.10:8080"` + "\n"
	const failed = `2026/03/14 09:26:00 [error] 30#30: *1 connect() failed (111: Connection refused) while connecting to upstream, client: 192.0.2.10, server: a.example, request: "GET / HTTP/1.1", upstream: "http://10.1.0.9:8080/", host: "a.example"` + "\n"
	nginx := access(1, 200)
	for name, test := range map[string]struct {
		log           string
		requests, bad int
		formats       string
	}{
		"two":                  {strings.Repeat(nginx, 100) + strings.Repeat(envoy, 500), 600, 0, "nginx,envoy"},
		"and back":             {strings.Repeat(nginx, 30) + strings.Repeat(envoy, 30) + strings.Repeat(nginx, 30), 90, 0, "nginx,envoy"},
		"short":                {strings.Repeat(nginx, 300) + strings.Repeat(envoy, 9) + strings.Repeat(nginx, 300), 609, 0, "nginx,envoy"},
		"a few at the end":     {strings.Repeat(nginx, 300) + strings.Repeat(envoy, 2), 302, 0, "nginx,envoy"},
		"errors first":         {strings.Repeat(envoy, 300) + strings.Repeat(failed, 20) + strings.Repeat(nginx, 300), 600, 0, "envoy,nginx"},
		"what nobody reads":    {strings.Repeat(nginx, 300) + strings.Repeat("a stack trace\n", 100) + strings.Repeat(nginx, 300), 600, 100, "nginx"},
		"and then another":     {strings.Repeat(nginx, 300) + strings.Repeat("a stack trace\n", 100) + strings.Repeat(envoy, 300), 600, 100, "nginx,envoy"},
		"nothing anyone reads": {strings.Repeat("a stack trace\n", 100), 0, 100, ""},
	} {
		for _, size := range []int{1 << 20, 20_000, 3_000} {
			for _, workers := range []int{1, 3} {
				got := count(t, &texts{size: size, logs: []string{test.log}}, workers, Options{})
				if got.Bad != test.bad || got.Requests != test.requests || got.Lines != strings.Count(test.log, "\n") || got.Format != test.formats {
					t.Errorf("%s, chunks of %d, %d workers: %d lines, %d bad, %d requests, formats %v", name, size, workers, got.Lines, got.Bad, got.Requests, got.Format)
				}
				if test.bad > 0 && got.BadLines[0].Source != fmt.Sprintf("log1:%d", 1+strings.Index(test.log, "a stack")/max(1, len(nginx))) {
					t.Errorf("%s: the first bad line is %s", name, got.BadLines[0].Source)
				}
			}
		}
	}
}

func TestSourceFails(t *testing.T) {
	broken := errors.New("the disk is gone")
	if _, err := Run(context.Background(), &texts{size: 100, logs: []string{traffic(1, 100)}, err: broken}, 2, Options{}, Notify{}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	got, err := Run(ctx, &texts{size: 100, logs: []string{traffic(1, 100)}}, 2, Options{}, Notify{})
	if err != nil || got.Finish().Lines != 0 {
		t.Errorf("cancelled: %v", err)
	}
}

func TestNothing(t *testing.T) {
	for _, log := range []string{"", "\n\n", "\x00\xff\x00\n"} {
		got := count(t, &texts{size: 10, logs: []string{log}}, 1, Options{})
		if got.Requests != 0 || got.From != nil || got.Bad > 1 {
			t.Errorf("%q: %+v", log, got)
		}
	}
}

func TestHistogram(t *testing.T) {
	for d := time.Duration(1); d < 100*24*time.Hour; d = d*9/8 + 1 {
		var h histogram
		h.add(d)
		if got := h.quantile(0.5); (got - d).Abs() > d*4/100+2*time.Microsecond {
			t.Errorf("%v is told as %v", d, got)
		}
	}
	var h histogram
	for i := range 1000 {
		h.add(time.Duration(i+1) * time.Millisecond)
	}
	for share, want := range map[float64]time.Duration{0.5: 500 * time.Millisecond, 0.99: 990 * time.Millisecond, 0: time.Millisecond, 1: time.Second} {
		if got := h.quantile(share); (got - want).Abs() > want*4/100 {
			t.Errorf("quantile %v: %v, want %v", share, got, want)
		}
	}
}

func TestTimelineIsBounded(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		var line timeline
		spread := int64(1) << (1 + r.IntN(40))
		for i := range 1000 {
			line.add(r.Int64N(spread)-spread/2, 1, i%2)
		}
		requests, errors := 0, 0
		for _, p := range line.parts {
			requests, errors = requests+p.Requests, errors+p.Errors
		}
		if requests != 1000 || errors != 500 || len(line.parts) > maxParts {
			t.Fatalf("spread %d: %d requests, %d errors in %d parts of %d s", spread, requests, errors, len(line.parts), line.width)
		}
	}
}

// Once everything was seen before, counting allocates nothing: a chunk with two failures in a hundred lines
// costs less than an allocation for each of them (their tries are kept).
func TestAllocations(t *testing.T) {
	var text strings.Builder
	for i := range 1000 {
		text.WriteString(access(i/100, 200+302*(i%50/49)))
	}
	c := NewCounter(0, Options{})
	k := &Chunk{Text: []byte(text.String())}
	if got := testing.AllocsPerRun(100, func() { c.Count(k, "nginx") }); got > 1 {
		t.Errorf("%v allocations for 1000 lines, want at most one", got)
	}
}

// Nor does any form that is skimmed.
func TestAllocationsOfSkimming(t *testing.T) {
	for name, lines := range successes() {
		for _, line := range lines {
			c := NewCounter(0, Options{Format: name, Parser: func() proxy.Parser { return parsers()[name] }})
			k := &Chunk{Text: []byte(strings.Repeat(line+"\n", 1000))}
			if got := testing.AllocsPerRun(100, func() { c.Count(k, name) }); got > 1 || k.parsed != 1000 {
				t.Errorf("%s: %v allocations for %d lines: %s", name, got, k.parsed, line)
			}
		}
	}
}

// What a second of a log costs, in bytes a second on one core.
func BenchmarkCount(b *testing.B) {
	var text strings.Builder
	for i := range 2000 {
		text.WriteString(access(i/500, 200))
	}
	c := NewCounter(0, Options{})
	k := &Chunk{Text: []byte(text.String())}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		c.Count(k, "nginx")
	}
}

// A line in the default form is not one of a form of one's own.
func TestOwnFormat(t *testing.T) {
	own := func() proxy.Parser {
		p, err := all.ParserFor(`nginx:$remote_addr - $remote_user [$time_local] "$request" $body_bytes_sent $status "$http_referer" "$http_user_agent"`)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	line := `10.0.0.9 - - [14/Mar/2026:09:26:00 +0000] "GET /buy HTTP/1.1" 200 503 "-" "some agent that is long enough"` + "\n"
	got := count(t, &texts{size: 10, logs: []string{line}}, 1, Options{Format: "nginx", Parser: own})
	if got.Statuses["503"] != 1 || got.Errors != 1 {
		t.Errorf("statuses %v, %d errors", got.Statuses, got.Errors)
	}
}
