package tui

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/printer"
	"github.com/gatemend/gatemend/internal/rates"
)

const help = `Keys

  up, down, k, j   choose a route        Enter   diagnose the route
  PgUp, PgDn       a page up or down     /       show only routes with a text
  g, G             first, last           Esc     show all routes again
  q, Ctrl-C        leave

What the list shows

  Routes by the share of requests that failed in the last 15 seconds, the
  worst first. REQ/S and ERR% are of these 15 seconds; the line is the share
  of errors over five minutes, five seconds a step or more: a dot is no
  request, a low bar no error. STATUSES and FAILURES are of the five minutes.
  A "!" marks a route with an alarm: what is failing for other reasons than
  chance. Without colours or a screen: NO_COLOR, --plain.

A key goes back.`

func strong(text string) string { return lipgloss.NewStyle().Bold(true).Render(text) }
func faint(text string) string  { return lipgloss.NewStyle().Faint(true).Render(text) }
func bad(text string) string {
	return lipgloss.NewStyle().Foreground(lipgloss.Red).Bold(true).Render(text)
}
func warn(text string) string   { return lipgloss.NewStyle().Foreground(lipgloss.Yellow).Render(text) }
func good(text string) string   { return lipgloss.NewStyle().Foreground(lipgloss.Green).Render(text) }
func cursor(text string) string { return lipgloss.NewStyle().Reverse(true).Render(text) }

// View implements tea.Model.
func (v view) View() tea.View {
	out := tea.NewView(v.draw())
	out.AltScreen = true
	out.WindowTitle = "gatemend watch"
	return out
}

// draw is the whole screen, no line wider than it and no more lines than it has.
func (v view) draw() string {
	var page []string
	switch v.page {
	case listPage:
		page = v.drawList()
	case readingPage:
		page = v.drawText("Diagnosis of "+printer.Plain(v.reading), "up/down scroll  Enter back")
	case questionPage:
		page = v.drawText("Carry this out on "+printer.Plain(v.questions[0].Target.String())+"?", "y carry it out  n leave it  up/down scroll")
	case helpPage:
		page = v.drawText("gatemend watch", "Enter back")
	}
	page = page[:min(len(page), max(v.height, 1))]
	for i, line := range page {
		page[i] = ansi.Truncate(line, max(v.width, 1), "…")
	}
	return strings.Join(page, "\n")
}

// textRoom is how many lines of a text have room.
func (v view) textRoom() int { return max(v.height-3, 1) }

func (v view) drawText(title, keys string) []string {
	text := wrapped(v.text, v.width)
	end := min(v.top+v.textRoom(), len(text))
	out := append([]string{strong(title), ""}, text[min(v.top, end):end]...)
	for len(out) < v.height-1 {
		out = append(out, "")
	}
	if more := len(text) - end; more > 0 {
		keys += fmt.Sprintf("  (%d more lines)", more)
	}
	return append(out, faint(keys))
}

// routeRoom is how wide a route may be where more is said of it on the same line.
func (v view) routeRoom() int { return max(12, 2*v.width/5) }

// eventRoom is how many of the last events are shown.
func (v view) eventRoom() int { return max(0, min(4, (v.height-12)/3)) }

// alarmRoom is how many alarms are shown.
func (v view) alarmRoom() int { return max(1, min(5, (v.height-10)/3)) }

// room is how many routes have room.
func (v view) room() int {
	used := 3 // heading, heading of the routes, keys
	used += v.eventRoom()
	if n := len(v.frame.Alarms); n > 0 {
		used += min(n, v.alarmRoom()+1)
	}
	if len(v.frame.Warnings) > 0 {
		used++
	}
	return max(1, v.height-used)
}

func (v view) drawList() []string {
	out := []string{v.heading()}
	if n := len(v.frame.Warnings); n > 0 {
		text := printer.Plain(v.frame.Warnings[0])
		if n > 1 {
			text += fmt.Sprintf(" (and %d more)", n-1)
		}
		out = append(out, warn("cannot see: "+text))
	}
	out = append(out, v.alarms()...)
	out = append(out, v.drawRoutes()...)
	events := v.events[max(0, len(v.events)-v.eventRoom()):]
	for len(out) < v.height-1-len(events) {
		out = append(out, "")
	}
	for _, e := range events {
		route := middle(printer.Plain(e.Route), v.routeRoom())
		out = append(out, faint(strings.Join(strings.Fields(e.What+" "+route+" "+printer.Plain(e.Text)), " ")))
	}
	return append(out, v.keys())
}

func (v view) keys() string {
	switch {
	case v.filtering:
		return "/" + printer.Plain(v.filter) + "_   Enter keep  Esc all routes"
	case v.filter != "":
		return faint(fmt.Sprintf("only %q: Esc all routes  Enter diagnose  ? help  q leave", printer.Plain(v.filter)))
	case v.width < narrow:
		return faint("Enter diagnose  ? help  q leave")
	default:
		return faint("up/down choose  Enter diagnose  / filter  ? help  q leave")
	}
}

func (v view) heading() string {
	state := good("no alarm")
	switch n := len(v.frame.Alarms); {
	case v.frame.Now.IsZero():
		return strong("gatemend watch") + "  reading ..."
	case n == 1:
		state = bad("1 alarm")
	case n > 1:
		state = bad(fmt.Sprintf("%d alarms", n))
	}
	left := strong("gatemend watch") + "  " + printer.Plain(v.frame.What)
	right := state + "  " + v.frame.Now.UTC().Format("15:04:05")
	left = ansi.Truncate(left, max(v.width-ansi.StringWidth(right)-2, 0), "…")
	return left + strings.Repeat(" ", max(2, v.width-ansi.StringWidth(left)-ansi.StringWidth(right))) + right
}

func (v view) alarms() []string {
	alarms := slices.Clone(v.frame.Alarms)
	slices.SortStableFunc(alarms, func(a, b Alarm) int { return cmp.Compare(b.Errors, a.Errors) })
	var out []string
	for i, a := range alarms {
		if i == v.alarmRoom() {
			out = append(out, bad(fmt.Sprintf("! %d more", len(alarms)-i)))
			break
		}
		cause := a.Cause
		if cause == "" {
			cause = "looking for the cause"
		}
		route := middle(printer.Plain(a.Route), v.routeRoom())
		line := fmt.Sprintf("! %s  %d of %d failed in %s: %s", route, a.Errors, a.Requests, age(v.frame.Now.Sub(a.Since)), printer.Plain(cause))
		out = append(out, bad(ansi.Truncate(line, v.width, "…")))
	}
	return out
}

// Widths of the columns of the list that have one; the route's name, the statuses and the failures share the rest.
const (
	numbersWidth = 7 + 1 + 6 // REQ/S, ERR%
	leastName    = 20
	leastKinds   = 22
	narrow       = 60 // below, statuses and failures have no room
)

func (v view) drawRoutes() []string {
	routes := v.routes()
	name, line, kinds := v.columns(routes)
	head := fmt.Sprintf("  %s %7s %6s", pad("ROUTE", name), "REQ/S", "ERR%")
	if line > 0 {
		head += " " + pad("5 MIN", line)
	}
	if kinds > 0 {
		head += "  STATUSES, FAILURES"
	}
	out := []string{faint(ansi.Truncate(head, v.width, ""))}
	if len(routes) == 0 {
		text := "  No request has been seen yet."
		if v.filter != "" {
			text = "  No route has this text."
		}
		return append(out, text)
	}
	at, room := v.at(routes), v.room()
	first := max(0, min(at-room/2, len(routes)-room))
	for i := first; i < min(first+room, len(routes)); i++ {
		out = append(out, v.row(routes[i], i == at, name, line, kinds))
	}
	return out
}

// columns shares the width out: names get what they need as long as a short line has room, the line what is left of it.
func (v view) columns(routes []rates.Route) (name, line, kinds int) {
	free := v.width - 2 - numbersWidth - 1
	if v.width < narrow {
		return max(free, 1), 0, 0
	}
	kinds = max(leastKinds, free/3)
	longest := leastName
	for _, r := range routes {
		longest = max(longest, ansi.StringWidth(printer.Plain(r.Key)))
	}
	name = max(leastName, min(longest, free-kinds-max(10, v.width/8)))
	line = min(free-name-kinds-3, 60)
	if line < 6 {
		line = 0
	}
	return name, line, kinds
}

func (v view) row(r rates.Route, chosen bool, name, line, kinds int) string {
	mark := " "
	if slices.ContainsFunc(v.frame.Alarms, func(a Alarm) bool { return a.Route == r.Key }) {
		mark = "!"
	}
	ratio := fmt.Sprintf("%6.1f", 100*r.Now.Ratio())
	if r.Now.Requests == 0 {
		ratio = "     -"
	}
	text := fmt.Sprintf("%s %s %7.1f %s", mark, pad(middle(printer.Plain(r.Key), name), name), rates.PerSecond(r.Now.Requests), ratio)
	if line > 0 {
		text += " " + sparkline(r.Buckets, line)
	}
	if kinds > 0 {
		text += "  " + ansi.Truncate(ended(r), max(v.width-ansi.StringWidth(text)-2, kinds), "…")
	}
	switch {
	case chosen:
		return cursor(pad(text, v.width))
	case mark == "!":
		return bad(text)
	default:
		return text
	}
}

// ended says how requests ended: statuses by number of requests, then failures.
func ended(r rates.Route) string {
	var parts []string
	for _, status := range byCount(r.Statuses) {
		parts = append(parts, fmt.Sprintf("%d:%s", status, short(r.Statuses[status])))
	}
	for _, f := range byCount(r.Failures) {
		if f != model.OtherFailure {
			parts = append(parts, string(f))
		}
	}
	return strings.Join(parts, " ")
}

func byCount[K cmp.Ordered](counts map[K]int) []K {
	return slices.SortedFunc(maps.Keys(counts), func(a, b K) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
}

// short writes a number in at most four columns.
func short(n int) string {
	switch {
	case n < 10_000:
		return fmt.Sprint(n)
	case n < 1_000_000:
		return fmt.Sprintf("%dk", n/1000)
	default:
		return fmt.Sprintf("%dM", n/1_000_000)
	}
}

// sparkline draws shares of errors, the newest at the right end, several buckets a column if they have no room.
func sparkline(buckets []rates.Counts, width int) string {
	bars := []rune("▁▂▃▄▅▆▇█")
	each := (len(buckets) + width - 1) / width
	if each == 0 {
		return strings.Repeat(" ", width)
	}
	var out []rune
	for end := len(buckets); end > 0 && len(out) < width; end -= each {
		var c rates.Counts
		for _, b := range buckets[max(0, end-each):end] {
			c.Requests, c.Errors = c.Requests+b.Requests, c.Errors+b.Errors
		}
		switch {
		case c.Requests == 0:
			out = append(out, '·')
		case c.Errors == 0:
			out = append(out, bars[0])
		default: // any error shows
			out = append(out, bars[max(1, int(c.Ratio()*float64(len(bars)-1)+0.5))])
		}
	}
	slices.Reverse(out)
	return strings.Repeat(" ", width-len(out)) + string(out)
}

// age writes how long something lasts.
func age(d time.Duration) string { return max(d, 0).Round(time.Second).String() }

// pad cuts or fills text to a width in columns.
func pad(text string, width int) string {
	text = ansi.Truncate(text, width, "…")
	return text + strings.Repeat(" ", max(0, width-ansi.StringWidth(text)))
}

// wrapped breaks lines that are wider than a screen, and keeps their indent.
func wrapped(lines []string, width int) []string {
	width = max(width, 1)
	var out []string
	for _, line := range lines {
		if ansi.StringWidth(line) <= width {
			out = append(out, line)
			continue
		}
		text := strings.TrimLeft(line, " ")
		indent := strings.Repeat(" ", min(len(line)-len(text), width/2))
		for part := range strings.SplitSeq(ansi.Wrap(text, width-len(indent), ""), "\n") {
			out = append(out, indent+part)
		}
	}
	return out
}

// middle leaves out the middle of a text that is wider than a column: routes differ in their hosts, and in their ends.
func middle(text string, width int) string {
	all := ansi.StringWidth(text)
	if all <= width {
		return text
	}
	end := (width - 1) / 3
	tail := ansi.TruncateLeft(text, all-end, "")
	if ansi.StringWidth(tail) > end { // half of a wide letter
		tail = ansi.TruncateLeft(text, all-end+1, "")
	}
	return ansi.Truncate(text, width-1-end, "") + "…" + tail
}
