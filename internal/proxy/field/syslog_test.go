package field

import "testing"

func TestAfterSyslog(t *testing.T) {
	const text = `10.0.0.1:5 [14/Mar/2026:09:26:00.123] http: "GET /]: HTTP/1.1" - [x="y"]`
	for name, head := range map[string]string{
		"none":                    "",
		"priority":                "<134>",
		"RFC 3164":                "<134>Mar 14 09:26:00 lb haproxy[7]: ",
		"a day of one digit":      "<134>Mar  4 09:26:00 lb nginx: ",
		"without host":            "<134>Mar 14 09:26:00 haproxy[7]: ",
		"in a file":               "Mar 14 09:26:00 lb haproxy[7]: ",
		"in a file, ISO":          "2026-03-14T09:26:00.123456+00:00 lb haproxy[7]: ",
		"ISO alone":               "2026-03-14T09:26:00.123456+00:00 ",
		"timed":                   "<6>2026-03-14T09:26:00.123456+00:00 ",
		"RFC 5424":                "<134>1 2026-03-14T09:26:00.123456+00:00 lb haproxy 7 - - ",
		"RFC 5424, without time":  "<134>1 - lb haproxy 7 - - ",
		"RFC 5424, with its data": `<134>1 2026-03-14T09:26:00Z lb haproxy 7 ID47 [a@1 b="] \"c"][d e="f"] `,
	} {
		if got := string(AfterSyslog([]byte(head + text))); got != text {
			t.Errorf("%s: %q", name, got)
		}
	}
	for _, whole := range []string{
		"", "<", "<134", "<x>y", "<1345>x", "<134>1 2026-03-14T09:26:00Z lb", "<134>1 2026-03-14T09:26:00Z lb haproxy 7 - [a", "Mar 14 09:26:00 GET /a 200 OK",
		"2026/03/14 09:26:00 [error] 7#7: *1 x: y", "2001:db8::1 - - [14/Mar/2026:09:26:00 +0000] x: y", "Map 14 09:26:00 lb haproxy[7]: x",
	} {
		if got := string(AfterSyslog([]byte(whole))); got != whole {
			t.Errorf("%q became %q", whole, got)
		}
	}
}
