package guardrail

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/model"
)

// window is a time of the week in which one may act.
type window struct {
	days     []time.Weekday // empty: every day
	from, to time.Duration  // since midnight by the clock on the wall
	zone     *time.Location
}

func (c *compiler) window(w v1alpha1.Window, at *field.Path) window {
	out := window{from: c.clock(w.From, at.Child("from")), to: c.clock(w.To, at.Child("to"))}
	for i, name := range w.Days {
		day := slices.Index(weekdays(), name)
		if day < 0 {
			c.wrong(field.NotSupported(at.Child("days").Index(i), name, weekdays()))
		}
		out.days = append(out.days, time.Weekday(day))
	}
	var err error
	if out.zone, err = time.LoadLocation(w.TimeZone); err != nil || w.TimeZone == "Local" {
		c.wrong(field.Invalid(at.Child("timeZone"), w.TimeZone, "must be a name of the IANA time zone database, such as Europe/Berlin"))
	}
	return out
}

// weekdays are the names of the days, as time.Weekday counts them.
func weekdays() []string { return []string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"} }

func (c *compiler) clock(text string, at *field.Path) time.Duration {
	t, err := time.Parse("15:04", text)
	if err != nil && text != "24:00" {
		c.wrong(field.Invalid(at, text, "must be a time of the day such as 09:00"))
		return 0
	}
	if text == "24:00" {
		return 24 * time.Hour
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
}

// open reports whether a moment lies in the window.
func (w window) open(now time.Time) bool {
	local := now.In(w.zone)
	clock := time.Duration(local.Hour())*time.Hour + time.Duration(local.Minute())*time.Minute + time.Duration(local.Second())*time.Second
	day := local.Weekday()
	if w.from < w.to {
		return w.on(day) && clock >= w.from && clock < w.to
	}
	before := (day + 6) % 7
	return w.on(day) && clock >= w.from || w.on(before) && clock < w.to
}

func (w window) on(d time.Weekday) bool { return len(w.days) == 0 || slices.Contains(w.days, d) }

// calendar says what a policy's windows and freezes hold back now.
func (p policy) calendar(now time.Time) []model.PolicyReason {
	var out []model.PolicyReason
	if len(p.windows) > 0 && !slices.ContainsFunc(p.windows, func(w window) bool { return w.open(now) }) {
		out = append(out, says(model.Approve, p.name+": windows", "outside of the times in which gatemend may act by itself"))
	}
	for i, f := range p.freezes {
		if now.Before(f.From.Time) || !now.Before(f.To.Time) {
			continue
		}
		because := "nothing is changed until " + f.To.UTC().Format("2006-01-02 15:04 MST")
		if f.Reason != "" {
			because += ": " + f.Reason
		}
		out = append(out, says(model.Propose, fmt.Sprintf("%s: freezes[%d]", p.name, i), because))
	}
	return out
}

// Frozen names a freeze that keeps a plan from being carried on with now, whoever has agreed to it; empty: there is none.
func (s Set) Frozen(in Input) string {
	for _, t := range in.Facts.Targets {
		for _, p := range s.policies {
			if answer, _ := p.match.matches(in.Plan, t); answer != yes {
				continue
			}
			for _, r := range p.calendar(in.Now) {
				if r.Verdict <= model.Propose {
					return r.String()
				}
			}
		}
	}
	return ""
}
