package notify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// digestPrefix begins the keys of digests; those of incidents begin with a cluster's name, which has no slash
// before it.
const digestPrefix = "/digest/"

// A digest waits a little at first, as a storm brings many at once; then there is a least pause between two of its
// states.
const (
	digestSettle   = 2 * time.Second
	digestPause    = 5 * time.Second // where people see it change
	digestPauseNew = 5 * time.Minute // where it is a further message
)

// fold says in which digest a new incident is told of; empty: it is told of itself.
func (l *lane) fold(now time.Time) string {
	l.began = slices.DeleteFunc(l.began, func(t time.Time) bool { return now.Sub(t) >= l.o.FoldWindow })
	if len(l.began) < l.o.FoldAfter {
		l.began = append(l.began, now)
		return ""
	}
	// A digest takes in what comes in its window; a storm that lasts has one for each.
	for key, e := range l.entries {
		if strings.HasPrefix(key, digestPrefix) && now.Sub(e.Since) < l.o.FoldWindow {
			return key
		}
	}
	return fmt.Sprintf("%s%d", digestPrefix, now.UnixMilli())
}

// retell brings a digest up to date.
func (l *lane) retell(key string, now time.Time) {
	e, known := l.entries[key]
	if !known {
		e = &Entry{Channel: l.route.Name, Key: key, Since: now}
		l.entries[key] = e
	}
	m := l.digestOf(key, e.Since, now)
	e.Title, e.State, e.Updated = m.Title, m.State, m.At
	if l.offer(e, m, now, false) {
		if !known {
			e.Next = now.Add(max(l.route.Settle, digestSettle))
		}
		l.keep(e)
		l.stir()
	}
}

func (l *lane) digestOf(key string, since, now time.Time) Message {
	const named = 10
	var folded []*Entry
	counts := map[State]int{}
	for _, e := range l.entries {
		if e.Folded == key {
			folded = append(folded, e)
			counts[e.State]++
		}
	}
	slices.SortFunc(folded, func(a, b *Entry) int { return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.Key, b.Key)) })
	m := Message{Key: key, State: Resolved, Severity: Info, At: now}
	switch {
	case counts[Firing] > 0:
		m.State, m.Severity = Firing, Error
	case counts[Acknowledged] > 0:
		m.State, m.Severity = Acknowledged, Error
	}
	m.Title = fmt.Sprintf("%d more incidents since %s UTC", len(folded), since.UTC().Format("15:04:05"))
	lines := []string{fmt.Sprintf("They came faster than one message each helps. %d go on, %d are being mended, %d are over.",
		counts[Firing], counts[Acknowledged], counts[Resolved])}
	for n, e := range folded {
		if n == named {
			lines = append(lines, fmt.Sprintf("and %d more: kubectl get incidents -A", len(folded)-named))
			break
		}
		lines = append(lines, fmt.Sprintf("%s (%s)", e.Title, e.State))
	}
	m.Text = strings.Join(lines, "\n")
	return m
}

// pauseAfter is how long after a message the next one of its key is not sent.
func (l *lane) pauseAfter(m Message) time.Duration {
	switch {
	case !strings.HasPrefix(m.Key, digestPrefix):
		return 0
	case l.route.Channel.Updates():
		return digestPause
	default:
		return digestPauseNew
	}
}
