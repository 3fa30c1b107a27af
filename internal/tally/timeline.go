package tally

import (
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// maxParts bounds a timeline; when it gets longer, its parts get twice as long.
const maxParts = 240

// timeline counts over time.
type timeline struct {
	width int64 // seconds of a part
	first int64 // the part at index 0, in widths since 1970
	parts []model.LogPart
}

func (t *timeline) add(second int64, requests, errors int) {
	if t.width == 0 {
		t.width, t.first = 1, second
	}
	at := floorDiv(second, t.width)
	for at-t.first >= maxParts || t.first+int64(len(t.parts))-at > maxParts {
		t.halve()
		at = floorDiv(second, t.width)
	}
	if at < t.first {
		t.parts = append(make([]model.LogPart, t.first-at, maxParts), t.parts...)
		t.first = at
	}
	for int64(len(t.parts)) <= at-t.first {
		t.parts = append(t.parts, model.LogPart{})
	}
	t.parts[at-t.first].Requests += requests
	t.parts[at-t.first].Errors += errors
}

// halve makes parts twice as long.
func (t *timeline) halve() {
	first := floorDiv(t.first, 2)
	for i, p := range t.parts {
		to := int((t.first+int64(i))/2 - first)
		if t.first+int64(i) < 0 {
			to = int(floorDiv(t.first+int64(i), 2) - first)
		}
		if to == i {
			continue
		}
		t.parts[i] = model.LogPart{}
		t.parts[to].Requests += p.Requests
		t.parts[to].Errors += p.Errors
	}
	if n := len(t.parts); n > 0 {
		t.parts = t.parts[:floorDiv(t.first+int64(n)-1, 2)-first+1]
	}
	t.width, t.first = 2*t.width, first
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func (t *timeline) report() model.LogTimeline {
	r := model.LogTimeline{Seconds: int(t.width), Parts: append([]model.LogPart{}, t.parts...)}
	if len(t.parts) > 0 {
		from := time.Unix(t.first*t.width, 0).UTC()
		r.From = &from
	}
	return r
}
