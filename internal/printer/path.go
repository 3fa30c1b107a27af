package printer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
)

// shownEndpoints is how many failing endpoints of one trace are listed.
const shownEndpoints = 4

// trace draws one request's path and says what is the matter on it. Where a cause was found at an object
// on the path, that is where the path is shown broken, even if the hop by itself looks right.
func (p *page) trace(t model.Trace, causes []model.Finding) {
	p.draw(t, causes)
	for _, h := range t.Hops {
		if h.Verdict == model.OK || h.Why == "" {
			continue
		}
		sign, color := mark(h.Verdict)
		p.item(4, p.style.paint(color, sign), hopName(h)+": "+plain(h.Why))
	}
	p.endpoints(t)
}

// draw writes the hops in a row, broken between hops where the row is too long.
func (p *page) draw(t model.Trace, causes []model.Finding) {
	const joint = " ── "
	line, used := "  client", len("  client")
	for _, g := range groups(t.Hops) {
		sign, color := mark(g.hop.Verdict)
		if blamed(g.hop, causes) {
			sign, color = mark(model.Broken)
		}
		text := hopName(g.hop)
		if g.n > 1 {
			text = fmt.Sprintf("%s ×%d", g.hop.Kind, g.n)
		}
		text += " " + p.style.paint(color, sign)
		w := columns(joint) + columns(text)
		if used+w > p.style.width() {
			p.line("%s", line)
			line, used = "      ", 6
		}
		line, used = line+joint+text, used+w
	}
	p.line("%s", line)
}

func blamed(h model.Hop, causes []model.Finding) bool {
	return h.Kind != model.HopEndpointSlice && slices.ContainsFunc(causes, func(f model.Finding) bool { return f.Object.Ref == h.Object })
}

// group is a run of hops of one kind and verdict, as the pods behind one Service are.
type group struct {
	hop model.Hop
	n   int
}

func groups(hops []model.Hop) []group {
	var gs []group
	for _, h := range hops {
		if n := len(gs); n > 0 && gs[n-1].hop.Kind == h.Kind && gs[n-1].hop.Verdict == h.Verdict {
			gs[n-1].n++
			continue
		}
		gs = append(gs, group{h, 1})
	}
	return gs
}

// hopName is the object that stands at a hop, or the hop itself where no object does.
func hopName(h model.Hop) string {
	if h.Kind == model.HopEndpointSlice && h.Object.Kind != string(model.HopEndpointSlice) {
		return "endpoints" // those of the Service, which stands before them
	}
	if !h.Object.IsZero() {
		return plain(h.Object.String())
	}
	name := h.Name
	if h.Namespace != "" {
		name = h.Namespace + "/" + name
	}
	return plain(strings.TrimSpace(string(h.Kind) + " " + name))
}

// endpoints lists the addresses that would fail, and how.
func (p *page) endpoints(t model.Trace) {
	shown, failing := 0, 0
	for _, e := range t.Endpoints {
		if e.Outcome.Failure == model.NoFailure {
			continue
		}
		if failing++; failing > p.style.limit(shownEndpoints) {
			continue
		}
		shown++
		text := fmt.Sprintf("%s %s: %s", e.Address, plain(e.Pod.Name), e.Outcome.Failure)
		if e.Outcome.Status > 0 {
			text += fmt.Sprintf(", the client gets %d", e.Outcome.Status)
		}
		if e.Outcome.Reason != "" {
			text += " (" + plain(e.Outcome.Reason) + ")"
		}
		p.item(4, "→", text)
	}
	if failing > shown {
		p.line("    → and %s more", count(failing-shown, "endpoint"))
	}
}
