package audit

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Case is what happened in one cluster, as it is seen from outside of the program that is watched.
type Case struct {
	Actor string // the user as whom the program acts
	Log   []Entry
	// Decisions are what people and their policies have agreed to.
	Decisions []Decision
	// OptIn is the label, and its value, that a namespace must bear for the program to act in it by itself; Labels are
	// those of the namespaces at the beginning of the log. An empty OptIn asks for none.
	OptIn  [2]string
	Labels map[string]map[string]string
	// OptOut is the value of that label with which a namespace is left alone, also where a person agrees; empty: none is.
	OptOut string
	// Thought is how long a person may think about a question: what has changed since it was asked is not seen before.
	Thought time.Duration
	// Questions are the moments at which people were asked.
	Questions []time.Time
	// Stop names the ConfigMap, "NAMESPACE/NAME", for as long as which exists nothing may be begun.
	Stop string
	// Lag is how long the program may not know yet what the API server knows.
	Lag time.Duration
	// PerHour bounds what is begun within an hour; 0: no bound.
	PerHour struct{ Object, Namespace, Cluster int }
	// Share is how much of a workload's pods may be taken away within Recovery, at least one; Replicas are how many it
	// has.
	Share    float64
	Recovery time.Duration
	Replicas map[string]int // by "NAMESPACE/WORKLOAD"
	// Holds are the objects of which the program is a field manager in the end.
	Holds []Object
	// App names the application that an object belongs to, empty if to none; Ends say what became of them.
	App  func(Object) string
	Ends []End
}

// Decision is an agreement to change an object within some time. An empty Namespace, Resource or Name stands for any.
type Decision struct {
	From, To                  time.Time
	Namespace, Resource, Name string
	Verbs                     []string // empty: any
	// Uses is how many changes it is good for; 0: any number.
	Uses int
	// Opted: it holds only in namespaces that have opted in. A person's yes holds anywhere.
	Opted bool
}

// End is what became of an application by the end of the log.
type End struct {
	App string
	// Broken: somebody broke it. Failing: its requests fail still.
	Broken, Failing bool
	// Escalated: the program has told people that it will not mend it, or could not.
	Escalated bool
}

// Violation is a promise that was not kept.
type Violation struct {
	Rule   string
	At     time.Time
	Object Object
	Text   string
}

// String reads "undone: services shop/cart at 12:00:01.000: ...".
func (v Violation) String() string {
	return fmt.Sprintf("%s: %s at %s: %s", v.Rule, v.Object, v.At.UTC().Format("15:04:05.000"), v.Text)
}

// The rules.
const (
	Unreadable  = "unreadable"  // every change is of a form from which it can be told what it does
	Undecided   = "undecided"   // nothing is done to which nobody has agreed
	Unrehearsed = "unrehearsed" // the API server tried it before, in the same form
	Twice       = "twice"       // nothing is done twice
	Repeated    = "repeated"    // what was taken back is not tried again
	Stopped     = "stopped"     // nothing is begun while the switch is on
	Asked       = "asked"       // nor is anybody asked then
	OptedOut    = "opted-out"   // nothing is begun in a namespace that is to be left alone
	Rate        = "rate"        // not more than so much an hour
	Forced      = "forced"      // pods go by eviction only, which respects budgets
	Disruption  = "disruption"  // not more than a share of a workload's pods at once
	Left        = "left"        // what did not help is taken back
	Lost        = "lost"        // what was broken is mended, or told of
	Released    = "released"    // fields are given back after what was changed was taken back, and only then
)

// done is a change that the program has begun.
type done struct {
	Entry

	effect  effect
	undone  bool
	foreign bool // somebody else has written to the object since
}

// checker goes through a log.
type checker struct {
	Case

	found     []Violation
	rehearsed []done
	begun     []*done
	used      []int // of each decision
	stopped   time.Time
	asked     []time.Time // questions that have not been looked at
	labels    map[string][]labelled
}

// labelled is a namespace's label at a time.
type labelled struct {
	at    time.Time
	value string
}

// Check lists the promises that were not kept, in the order of the log.
func Check(c Case) []Violation {
	k := &checker{Case: c, used: make([]int, len(c.Decisions)), labels: map[string][]labelled{}, asked: slices.SortedFunc(slices.Values(c.Questions), time.Time.Compare)}
	for ns, labels := range c.Labels {
		k.labels[ns] = []labelled{{value: labels[c.OptIn[0]]}}
	}
	for _, e := range c.Log {
		k.questions(e.At)
		switch {
		case e.User != c.Actor:
			k.other(e)
		case e.DryRun && e.Code < 300:
			if effect, ok := effectOf(e); ok {
				k.rehearsed = append(k.rehearsed, done{Entry: e, effect: effect})
			}
		case e.Writes():
			k.wrote(e)
		}
	}
	k.ends()
	return k.found
}

// questions looks at those that were asked until a time.
func (k *checker) questions(until time.Time) {
	for ; len(k.asked) > 0 && !k.asked[0].After(until); k.asked = k.asked[1:] {
		if at := k.asked[0]; !k.stopped.IsZero() && at.Sub(k.stopped) > k.Lag {
			k.found = append(k.found, Violation{Rule: Asked, At: at, Text: "people were asked, though it was stopped at " + k.stopped.UTC().Format("15:04:05.000")})
		}
	}
}

func (k *checker) violated(rule string, e Entry, format string, args ...any) {
	k.found = append(k.found, Violation{Rule: rule, At: e.At, Object: e.Object, Text: fmt.Sprintf(format, args...)})
}

// other takes in what somebody else did.
func (k *checker) other(e Entry) {
	if !e.Writes() {
		return
	}
	for _, d := range k.begun {
		d.foreign = d.foreign || d.Object == e.Object && e.Subresource == ""
	}
	switch {
	case e.Object.Resource == "configmaps" && e.Object.Namespace+"/"+e.Object.Name == k.Stop:
		switch e.Verb {
		case "create":
			k.stopped = e.At
		case "delete":
			k.stopped = time.Time{}
		}
	case e.Object.Resource == "namespaces" && e.Subresource == "":
		var o struct {
			Metadata struct{ Labels map[string]*string }
		}
		if json.Unmarshal(e.Body, &o) != nil {
			return
		}
		if v, set := o.Metadata.Labels[k.OptIn[0]]; set {
			value := ""
			if v != nil {
				value = *v
			}
			k.labels[e.Object.Name] = append(k.labels[e.Object.Name], labelled{e.At, value})
		}
	}
}

// wrote judges one change of the program's.
func (k *checker) wrote(e Entry) {
	if e.Object.Resource == "pods" && e.Subresource == "" && e.Verb != "patch" || e.Verb == "deletecollection" {
		k.violated(Forced, e, "%s of pods is no eviction", e.Verb)
	}
	effect, ok := effectOf(e)
	if !ok {
		k.violated(Unreadable, e, "what it changes cannot be told: %s %s", e.Verb, e.Body)
		return
	}
	if e.Releases() {
		k.released(e)
		return
	}
	for _, d := range slices.Backward(k.begun) {
		if d.Object == e.Object && !d.undone && effect.undoes(d.effect) {
			d.undone = true
			return
		}
	}
	d := &done{Entry: e, effect: effect}
	k.decided(d)
	k.once(d)
	if !k.stopped.IsZero() && e.At.Sub(k.stopped) > k.Lag {
		k.violated(Stopped, e, "it was stopped at %s", k.stopped.UTC().Format("15:04:05.000"))
	}
	if k.OptOut != "" && k.optedOut(d.Object.Namespace, d.At) {
		k.violated(OptedOut, e, "the namespace is to be left alone")
	}
	k.begun = append(k.begun, d)
	k.rates(d)
	k.disruption(d)
}

// released judges that the program gives fields back. Somebody else may have been faster with taking back.
func (k *checker) released(e Entry) {
	if !slices.ContainsFunc(k.begun, func(d *done) bool { return d.Object == e.Object && (d.undone || d.foreign) }) {
		k.violated(Released, e, "the managers of its fields are changed, and nothing was taken back before")
	}
}

// decided looks for who has agreed, and for the rehearsal.
func (k *checker) decided(d *done) {
	agreed := -1
	for i, x := range k.Decisions {
		left := x.Uses == 0 || k.used[i] < x.Uses
		if left && x.covers(d.Entry) && (!x.Opted || k.opted(d.Object.Namespace, d.At)) && (agreed < 0 || x.Uses > 0) { // the narrower one is used up
			agreed = i
		}
	}
	if agreed < 0 {
		k.violated(Undecided, d.Entry, "nobody has agreed to %s", d.effect)
	} else {
		k.used[agreed]++
	}
	if !slices.ContainsFunc(k.rehearsed, func(r done) bool { return r.Object == d.Object && r.effect.same(d.effect) }) {
		k.violated(Unrehearsed, d.Entry, "the API server was not asked before about %s", d.effect)
	}
}

// covers reports whether a decision is about a change.
func (x Decision) covers(e Entry) bool {
	fits := func(wanted, have string) bool { return wanted == "" || wanted == have }
	return !e.At.Before(x.From) && !e.At.After(x.To) && (len(x.Verbs) == 0 || slices.Contains(x.Verbs, e.Verb)) &&
		fits(x.Namespace, e.Object.Namespace) && fits(x.Resource, e.Object.Resource) && fits(x.Name, e.Object.Name)
}

// opted reports whether a namespace had opted in at a time, or a moment before.
func (k *checker) opted(namespace string, at time.Time) bool {
	if k.OptIn[0] == "" {
		return true
	}
	in := false
	for _, l := range k.labels[namespace] {
		if l.at.After(at) {
			break
		}
		in = l.value == k.OptIn[1] || in && at.Sub(l.at) <= k.Lag
	}
	return in
}

// optedOut reports whether a namespace was to be left alone at a time, and has been for longer than anybody needs to
// hear of it and to think.
func (k *checker) optedOut(namespace string, at time.Time) bool {
	var since time.Time
	out := false
	for _, l := range k.labels[namespace] {
		if l.at.After(at) {
			break
		}
		if l.value != k.OptOut {
			out = false
		} else if !out {
			out, since = true, l.at
		}
	}
	return out && at.Sub(since) > k.Lag+k.Thought
}

// once compares a change with those before.
func (k *checker) once(d *done) {
	for _, b := range k.begun {
		switch {
		case b.Object != d.Object || !b.effect.same(d.effect):
		case b.undone:
			k.violated(Repeated, d.Entry, "%s was taken back before, and is made again", d.effect)
			return
		case !b.foreign:
			k.violated(Twice, d.Entry, "%s was made at %s already", d.effect, b.At.UTC().Format("15:04:05.000"))
			return
		}
	}
}

// rates counts what was begun within the hour.
func (k *checker) rates(d *done) {
	var object, namespace, cluster int
	for _, b := range k.begun {
		if b.At.Before(d.At.Add(-time.Hour)) {
			continue
		}
		cluster++
		if b.Object.Namespace == d.Object.Namespace {
			namespace++
		}
		if workload(b.Object) == workload(d.Object) {
			object++
		}
	}
	for _, c := range []struct {
		what    string
		n, most int
	}{{"of the object", object, k.PerHour.Object}, {"in the namespace", namespace, k.PerHour.Namespace}, {"in the cluster", cluster, k.PerHour.Cluster}} {
		if c.most > 0 && c.n > c.most {
			k.violated(Rate, d.Entry, "%d changes %s within an hour; %d are allowed", c.n, c.what, c.most)
		}
	}
}

// disruption counts the pods that were taken away shortly before.
func (k *checker) disruption(d *done) {
	if d.Object.Resource != "pods" || d.Subresource == "resize" { // which leaves the pod where it is
		return
	}
	of := workload(d.Object)
	taken := map[string]bool{}
	for _, b := range k.begun {
		if b.Object.Resource == "pods" && b.Subresource != "resize" && workload(b.Object) == of && d.At.Sub(b.At) < k.Recovery {
			taken[b.Object.Name] = true
		}
	}
	most := max(1, int(math.Ceil(k.Share*float64(k.Replicas[of.Namespace+"/"+of.Name]))))
	if len(taken) > most {
		k.violated(Disruption, d.Entry, "%d pods of %s were taken away within %s; %d are allowed", len(taken), of.Name, k.Recovery, most)
	}
}

// workload is what a change of a pod is counted for: its Deployment, whose pods are named
// DEPLOYMENT-REVISION-POD. Other objects count for themselves.
func workload(o Object) Object {
	parts := strings.Split(o.Name, "-")
	if o.Resource != "pods" || len(parts) < 3 {
		return o
	}
	return Object{Resource: "deployments", Namespace: o.Namespace, Name: strings.Join(parts[:len(parts)-2], "-")}
}

// ends judges what is left behind.
func (k *checker) ends() {
	for _, o := range k.Holds {
		if !slices.ContainsFunc(k.begun, func(d *done) bool { return d.Object == o && (!d.undone || d.foreign) }) {
			k.found = append(k.found, Violation{Rule: Released, Object: o, Text: "the program still holds fields of it, though all that it changed there was taken back"})
		}
	}
	for _, end := range k.Ends {
		if end.Broken && end.Failing && !end.Escalated {
			k.found = append(k.found, Violation{Rule: Lost, Object: Object{Name: end.App}, Text: "it was broken, fails, and nobody was told"})
		}
		if !end.Failing {
			continue
		}
		for _, d := range k.begun {
			if _, evicted := d.effect[gone]; !evicted && !d.undone && !d.foreign && k.App(d.Object) == end.App {
				k.violated(Left, d.Entry, "%s fails still, and %s was not taken back", end.App, d.effect)
			}
		}
	}
}

// String names the fields and what they become.
func (e effect) String() string {
	var out []string
	for path, c := range e {
		out = append(out, fmt.Sprintf("%s=%s", path, cmp.Or(c.after, "(none)")))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}
