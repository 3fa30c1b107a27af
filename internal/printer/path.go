package printer

import (
	"cmp"
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
	accused := accused(t, causes)
	p.draw(t, accused)
	gs := groups(t.Hops)
	if p.style.Wide {
		gs = singly(t.Hops)
	}
	i := 0
	for _, g := range gs {
		id := model.CauseID("")
		for end := i + g.n; i < end; i++ {
			id = cmp.Or(id, accused[i])
		}
		p.fault(g, id)
	}
	p.endpoints(t)
}

// fault says what is the matter at hops of one kind: by themselves, or because a cause was found there.
func (p *page) fault(g group, id model.CauseID) {
	sign, color := mark(g.hop.Verdict)
	text := ""
	switch {
	case g.hop.Verdict != model.OK && g.hop.Why != "":
		text = reason(g.hop)
		if g.n > 1 {
			text += fmt.Sprintf(" (and %d more)", g.n-1)
		}
	case id != "":
		sign, color = mark(model.Broken)
		text = string(id) + ", see above"
	default:
		return
	}
	if !strings.HasPrefix(text, "(") { // "(and 1 more): ..." goes on with the name
		text = ": " + text
	} else {
		text = " " + text
	}
	p.item(4, p.style.paint(color, sign), hopName(g.hop)+text)
}

// accused gives, by the index of the hop, the cause that is found there. A cause that explains why the
// route fails, but whose object is not drawn, as a Deployment is not, is shown at the last hop: what it
// breaks is the application.
func accused(t model.Trace, causes []model.Finding) map[int]model.CauseID {
	at := map[int]model.CauseID{}
	for i, h := range t.Hops {
		for _, f := range causes {
			if at[i] == "" && f.Object.Ref == h.Object && h.Kind != model.HopEndpointSlice && (!sided(h) || explains(f, t)) {
				at[i] = f.ID
			}
		}
	}
	if len(at) > 0 || len(t.Hops) == 0 || slices.ContainsFunc(t.Hops, func(h model.Hop) bool { return h.Verdict == model.Broken }) {
		return at
	}
	for _, f := range causes {
		if explains(f, t) {
			at[len(t.Hops)-1] = f.ID
			break
		}
	}
	return at
}

// sided reports whether a hop may be right for one route though its object is at fault for another: a Gateway has many
// listeners, an Ingress many rules and a policy many peers, and the walk has judged those that this request meets. What
// is wrong with a Service or a pod is so for all that leads there.
func sided(h model.Hop) bool {
	switch h.Kind {
	case model.HopGateway, model.HopRule, model.HopNetworkPolicy:
		return h.Verdict == model.OK
	default:
		return false
	}
}

// reason is why a hop is not right, without saying its name again.
func reason(h model.Hop) string {
	why := plain(h.Why)
	for _, name := range []string{hopName(h), strings.ToLower(h.Object.Kind) + " " + h.Object.Name} {
		if rest, ok := strings.CutPrefix(why, name); ok && (strings.HasPrefix(rest, " ") || strings.HasPrefix(rest, ": ")) {
			return strings.TrimLeft(rest, ": ")
		}
	}
	return why
}

// draw writes the hops in a row, broken between hops where the row is too long.
func (p *page) draw(t model.Trace, accused map[int]model.CauseID) {
	const joint = " ── "
	line, used := "  client", len("  client")
	i := 0
	for _, g := range groups(t.Hops) {
		sign, color := mark(g.hop.Verdict)
		for end := i + g.n; i < end; i++ {
			if accused[i] != "" {
				sign, color = mark(model.Broken)
			}
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

// singly makes a group of each hop.
func singly(hops []model.Hop) []group {
	gs := make([]group, len(hops))
	for i, h := range hops {
		gs[i] = group{h, 1}
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
