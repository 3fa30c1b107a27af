package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/rates"
	"github.com/gatemend/gatemend/internal/testkit"
)

var start = time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)

// sample is a cluster in which one route fails since half a minute.
func sample() Frame {
	table := rates.New(rates.Options{})
	add := func(route string, second, status int, f model.FailureKind, failed bool, n int) {
		table.Add(route, model.Ref{Kind: "Ingress", Namespace: "shop", Name: "front"}, start.Add(time.Duration(second)*time.Second), status, f, failed, n)
	}
	for s := range 120 {
		add("shop.test/cart", s, 200, "", false, 30)
		add("shop.test/", s, 200, "", false, 110)
		add("static.shop.test/a-path-that-is-longer-than-any-column/of/a/small/screen", s, 304, "", false, 1)
		if s >= 90 {
			add("shop.test/cart", s, 502, model.Refused, true, 70)
		}
		if s == 40 {
			add("shop.test/", s, 504, model.ResponseTimeout, true, 12)
		}
	}
	add("bücher.test/世界", 2, 503, "", true, 4)
	add("evil.test/\x1b[2J\x1b]0;pwned\x07", 3, 200, "", false, 4)
	now := start.Add(120 * time.Second)
	return Frame{
		Now: now, What: "6 routes behind 2 gateway pods", Routes: table.Routes(now),
		Alarms:   []Alarm{{Route: "shop.test/cart", Since: start.Add(90 * time.Second), Requests: 3000, Errors: 2100, Cause: "target-port-mismatch: Service cart sends to port 8081, and its pods listen on 8080"}},
		Warnings: []string{"log of gw/envoy-0: forbidden", "log of gw/envoy-1: forbidden"},
	}
}

func press(name string) tea.KeyPressMsg {
	switch name {
	case "enter":
		return tea.KeyPressMsg{Code: tea.KeyEnter}
	case "esc":
		return tea.KeyPressMsg{Code: tea.KeyEscape}
	case "down":
		return tea.KeyPressMsg{Code: tea.KeyDown}
	case "up":
		return tea.KeyPressMsg{Code: tea.KeyUp}
	case "end":
		return tea.KeyPressMsg{Code: tea.KeyEnd}
	case "backspace":
		return tea.KeyPressMsg{Code: tea.KeyBackspace}
	default:
		return tea.KeyPressMsg{Code: rune(name[0]), Text: name}
	}
}

// play hands messages to a view, and the results of commands after them.
func play(v view, msgs ...tea.Msg) view {
	for _, m := range msgs {
		next, cmd := v.Update(m)
		v = next.(view)
		if cmd != nil {
			v = play(v, cmd())
		}
	}
	return v
}

func screen(width, height int) view {
	v := newView(Options{Diagnose: func(r rates.Route, width int) string {
		return fmt.Sprintf("%s is broken\n%s\n%s", r.Key, strings.Repeat("x", width), strings.Repeat("evidence\n", 30))
	}})
	return play(v, tea.WindowSizeMsg{Width: width, Height: height}, sample(),
		Event{"08:01:30 alarm", "shop.test/cart", "5 of 9 requests failed"}, Event{"08:01:31 diagnosis", "shop.test/" + strings.Repeat("long/", 48) + "end", "\x1b[31mtarget-port-mismatch"})
}

func TestViews(t *testing.T) {
	for name, v := range map[string]view{
		"list-80x24":     screen(80, 24),
		"list-120x40":    screen(120, 40),
		"list-40x10":     screen(40, 10),
		"list-40x24":     screen(40, 24),
		"diagnosis-40":   play(screen(80, 24), press("enter"), tea.WindowSizeMsg{Width: 40, Height: 24}),
		"second":         play(screen(80, 24), press("down")),
		"filtered":       play(screen(80, 24), press("/"), press("b"), press("ü"), press("x"), press("backspace"), press("enter")),
		"nothing-passes": play(screen(80, 24), press("/"), press("z"), press("z"), press("z")),
		"help":           play(screen(80, 24), press("?")),
		"diagnosis":      play(screen(80, 24), press("enter")),
		"diagnosis-end":  play(screen(80, 24), press("enter"), press("end")),
		"question":       play(screen(80, 24), Question{Text: "The plan\nis long", Target: model.Ref{Kind: "Service", Namespace: "shop", Name: "cart"}, answer: make(chan bool, 1)}),
		"nothing-yet":    play(newView(Options{}), tea.WindowSizeMsg{Width: 80, Height: 24}),
	} {
		got := v.draw()
		testkit.Golden(t, "testdata/"+name+".txt", ansi.Strip(got)+"\n")
		for i, line := range strings.Split(got, "\n") {
			if w := ansi.StringWidth(line); w > v.width {
				t.Errorf("%s: line %d is %d columns wide", name, i, w)
			}
		}
	}
}

// Whatever the size, nothing is wider or longer than the screen, and nothing panics.
func TestFits(t *testing.T) {
	for width := range 130 {
		for height := range 45 {
			for _, v := range []view{screen(width, height), play(screen(width, height), press("enter"), press("end")), play(screen(width, height), press("end"))} {
				rows := strings.Split(v.draw(), "\n")
				if len(rows) > max(height, 1) {
					t.Fatalf("%dx%d: %d lines", width, height, len(rows))
				}
				for _, r := range rows {
					if w := ansi.StringWidth(r); w > max(width, 1) {
						t.Fatalf("%dx%d: a line of %d columns: %q", width, height, w, r)
					}
				}
			}
		}
	}
}

// Nothing that a name or a log line holds reaches the terminal as a command.
func TestNamesAreNotObeyed(t *testing.T) {
	got := ansi.Strip(screen(120, 40).draw())
	if strings.ContainsAny(got, "\x1b\x07") || !strings.Contains(got, "evil.test/?[2J?]0;pwned?") {
		t.Errorf("got %q", got)
	}
}

// The cursor stays on its route when the order changes.
func TestCursorFollowsItsRoute(t *testing.T) {
	v := play(screen(80, 24), press("down"))
	chosen := v.chosen
	f := sample()
	f.Routes[0], f.Routes[1] = f.Routes[1], f.Routes[0]
	v = play(v, f)
	if got := v.routes()[v.at(v.routes())].Key; got != chosen || v.at(v.routes()) != 0 {
		t.Errorf("on %q, want %q", got, chosen)
	}
}

func TestQuestions(t *testing.T) {
	for key, want := range map[string]bool{"y": true, "n": false, "esc": false, "q": false} {
		first, second := make(chan bool, 1), make(chan bool, 1)
		v := play(screen(80, 24), press("/"), Question{Text: "one", answer: first}, Question{Text: "two", answer: second}, press("down"), press("enter"))
		if len(first) != 0 || v.page != questionPage {
			t.Fatalf("answered by a key that is no answer")
		}
		v = play(v, press(key))
		if got := <-first; got != want || v.text[0] != "two" {
			t.Errorf("%s: answer %v, next %q", key, got, v.text)
		}
		if v = play(v, press("n")); v.page != listPage || <-second {
			t.Errorf("%s: the second answer does not lead back to the list", key)
		}
	}
}

// A diagnosis that arrives after its page was left is not shown.
func TestLateDiagnosis(t *testing.T) {
	v := screen(80, 24)
	next, cmd := v.Update(press("enter"))
	v = play(next.(view), press("esc"), cmd())
	if v.page != listPage || v.text[0] != "Looking ..." {
		t.Errorf("page %d, text %q", v.page, v.text)
	}
}

func TestSparkline(t *testing.T) {
	c := func(requests, errors int) rates.Counts { return rates.Counts{Requests: requests, Errors: errors} }
	for want, buckets := range map[string][]rates.Counts{
		"  ·▁█": {c(0, 0), c(9, 0), c(9, 9)},
		"·▂▅▁█": {{}, {}, c(1000, 1), {}, c(4, 2), {}, c(1, 0), {}, {}, c(1, 1)},
		"     ": nil,
	} {
		if got := sparkline(buckets, 5); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestMiddle(t *testing.T) {
	for text, want := range map[string]string{"short": "short", "0123456789": "0123456789", "0123456789a": "012345…89a", "世界世界世界": "世界世…界"} {
		if got := middle(text, 10); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestWrapped(t *testing.T) {
	got := wrapped([]string{"short", "  an indent that stays", strings.Repeat("x", 12)}, 10)
	want := []string{"short", "  an", "  indent", "  that", "  stays", "xxxxxxxxxx", "xx"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}
