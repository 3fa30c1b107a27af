package audit

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	cart = Object{Resource: "services", Namespace: "shop", Name: "cart"}
	web  = Object{Resource: "services", Namespace: "shop", Name: "web"}
)

// The patches of one repair: forwards and back.
const (
	forwards = `[{"op":"test","path":"/metadata/resourceVersion","value":"7"},{"op":"test","path":"/spec/ports/0/targetPort","value":9999},{"op":"replace","path":"/spec/ports/0/targetPort","value":8080}]`
	release  = `[{"op":"test","path":"/metadata/resourceVersion","value":"9"},{"op":"replace","path":"/metadata/managedFields","value":[{"manager":"ops"}]}]`
	back     = `[{"op":"test","path":"/spec/ports/0/targetPort","value":8080},{"op":"replace","path":"/spec/ports/0/targetPort","value":9999}]`
)

// at is an entry of the watched program, so many seconds after noon.
func at(seconds float64, verb string, o Object, body string) Entry {
	return Entry{At: noon.Add(time.Duration(seconds * float64(time.Second))), User: "gatemend", Verb: verb, Object: o, Code: 200, Body: json.RawMessage(body)}
}

func (e Entry) with(change func(*Entry)) Entry {
	change(&e)
	return e
}

func rehearsal(e *Entry)         { e.DryRun = true }
func failed(e *Entry)            { e.Code = 422 }
func by(who string) func(*Entry) { return func(e *Entry) { e.User = who } }

func evict(seconds float64, pod string) Entry {
	return at(seconds, "create", Object{Resource: "pods", Namespace: "shop", Name: pod}, `{}`).with(func(e *Entry) { e.Subresource = "eviction" })
}

// well is a case in which a repair was made that did not help: it was agreed to, rehearsed, made, taken back and told.
func well() Case {
	return Case{
		Actor: "gatemend",
		Log:   []Entry{at(1, "patch", cart, forwards).with(rehearsal), at(2, "patch", cart, forwards), at(60, "patch", cart, back)},
		Decisions: []Decision{
			{From: noon.Add(time.Second), To: noon.Add(time.Minute), Namespace: "shop", Resource: "services", Name: "cart", Uses: 1},
			{From: noon, To: noon.Add(time.Hour), Namespace: "shop", Resource: "pods", Opted: true},
		},
		OptIn:  [2]string{"gatemend.dev/remediation", "enabled"},
		Labels: map[string]map[string]string{"shop": {"gatemend.dev/remediation": "enabled"}},
		Stop:   "gatemend/gatemend-stop",
		Lag:    time.Second, Share: 0.25, Recovery: 10 * time.Second, Replicas: map[string]int{"shop/cart": 8},
		App:  func(o Object) string { return strings.Split(o.Name, "-")[0] },
		Ends: []End{{App: "cart", Broken: true, Failing: true, Escalated: true}},
	}
}

// TestForgedLogs forges logs of programs that keep their promises, and of some that do not.
func TestForgedLogs(t *testing.T) {
	agree := func(c *Case) { // to anything
		c.Decisions = append(c.Decisions, Decision{From: noon, To: noon.Add(time.Hour)})
	}
	helped := func(c *Case) { c.Log, c.Ends[0].Failing = c.Log[:2], false }
	pods := func(c *Case, names ...string) {
		c.Log, c.Ends = nil, nil
		for i, n := range names {
			c.Log = append(c.Log, evict(float64(2*i), n).with(rehearsal), evict(float64(2*i+1), n))
		}
	}
	for name, tc := range map[string]struct {
		forge func(*Case)
		want  []string
	}{
		"what did not help was taken back": {func(*Case) {}, nil},
		"it helped":                        {helped, nil},
		"a reading program":                {func(c *Case) { c.Log = []Entry{at(1, "get", cart, ""), at(1, "list", cart, "")} }, nil},
		"somebody else did it":             {func(c *Case) { c.Log = []Entry{at(1, "delete", cart, "").with(by("ops"))} }, nil},
		"the API server refused it":        {func(c *Case) { c.Log = []Entry{c.Log[0], c.Log[1].with(failed)} }, nil},
		"nobody agreed":                    {func(c *Case) { c.Decisions = nil }, []string{Undecided}},
		"another object":                   {func(c *Case) { c.Log[0].Object, c.Log[1].Object, c.Log[2].Object = web, web, web }, []string{Undecided}},
		"another namespace":                {func(c *Case) { c.Decisions[0].Namespace = "bank" }, []string{Undecided}},
		"another verb":                     {func(c *Case) { c.Decisions[0].Verbs = []string{"create"} }, []string{Undecided}},
		"too early":                        {func(c *Case) { c.Decisions[0].From = noon.Add(3 * time.Second) }, []string{Undecided}},
		"too late":                         {func(c *Case) { c.Decisions[0].To = noon.Add(time.Second) }, []string{Undecided}},
		"not rehearsed":                    {func(c *Case) { c.Log = c.Log[1:] }, []string{Unrehearsed}},
		"the rehearsal failed":             {func(c *Case) { c.Log[0].Code = 422 }, []string{Unrehearsed}},
		"rehearsed in another form":        {func(c *Case) { c.Log[0].Body = json.RawMessage(back) }, []string{Unrehearsed}},
		"left in place":                    {func(c *Case) { c.Log = c.Log[:2] }, []string{Left}},
		"the fields are given back":        {func(c *Case) { c.Log = append(c.Log, at(61, "patch", cart, release)) }, nil},
		"the fields are given back before": {func(c *Case) { c.Log = slices.Insert(c.Log, 2, at(59, "patch", cart, release)) }, []string{Released}},
		"fields of another object":         {func(c *Case) { c.Log = append(c.Log, at(61, "patch", web, release)) }, []string{Released}},
		"something else with the fields": {func(c *Case) {
			c.Log = append(c.Log, at(61, "patch", cart, strings.Replace(release, "]}]", `]},{"op":"add","path":"/spec/x","value":1}]`, 1)))
		}, []string{Undecided, Unrehearsed, Left}},
		"the fields are not given back": {func(c *Case) { c.Holds = []Object{cart} }, []string{Released}},
		"fields of what is kept":        {func(c *Case) { helped(c); c.Holds = []Object{cart} }, nil},
		"the undo was refused":          {func(c *Case) { c.Log[2].Code = 500 }, []string{Left}},
		"another one's undo":            {func(c *Case) { c.Log[2].Object = web }, []string{Undecided, Unrehearsed, Left}},
		"somebody has changed it since": {func(c *Case) { c.Log[2] = at(50, "update", cart, "{}").with(by("ops")) }, nil},
		"nobody was told":               {func(c *Case) { c.Ends[0].Escalated = false }, []string{Lost}},
		"not broken by anybody":         {func(c *Case) { c.Ends[0] = End{App: "cart", Failing: true} }, nil},
		"twice":                         {func(c *Case) { helped(c); agree(c); c.Log = append(c.Log, at(9, "patch", cart, forwards)) }, []string{Twice}},
		"twice for one decision":        {func(c *Case) { helped(c); c.Log = append(c.Log, at(9, "patch", cart, forwards)) }, []string{Undecided, Twice}},
		"a second time, since ops undid it": {func(c *Case) {
			helped(c)
			agree(c)
			c.Log = append(c.Log, at(8, "patch", cart, back).with(by("ops")), at(9, "patch", cart, forwards))
		}, nil},
		"again what did not help": {func(c *Case) {
			agree(c)
			c.Log = append(c.Log, at(99, "patch", cart, forwards), at(120, "patch", cart, back))
		}, []string{Repeated}},
		"stopped before":                     {func(c *Case) { c.Log = append([]Entry{stop(-1, "create")}, c.Log...) }, []string{Stopped}},
		"stopped a moment before":            {func(c *Case) { c.Log = slices.Insert(c.Log, 1, stop(1.5, "create")) }, nil},
		"stopped and let go on":              {func(c *Case) { c.Log = append([]Entry{stop(-9, "create"), stop(-5, "delete")}, c.Log...) }, nil},
		"stopped meanwhile, and taken back":  {func(c *Case) { c.Log = slices.Insert(c.Log, 2, stop(9, "create")) }, nil},
		"a form that nobody understands":     {func(c *Case) { helped(c); c.Log[1].Body = json.RawMessage(`{"spec":{}}`) }, []string{Unreadable}},
		"a pod deleted":                      {func(c *Case) { pods(c, "cart-a-1"); c.Log[1].Verb, c.Log[1].Subresource = "delete", "" }, []string{Forced, Unrehearsed}},
		"all pods deleted":                   {func(c *Case) { pods(c, "cart-a-1"); c.Log[1].Verb, c.Log[1].Subresource = "deletecollection", "" }, []string{Forced, Unreadable}},
		"a quarter of the pods":              {func(c *Case) { pods(c, "cart-a-1", "cart-a-2") }, nil},
		"too many pods":                      {func(c *Case) { pods(c, "cart-a-1", "cart-a-2", "cart-b-3") }, []string{Disruption}},
		"pods of different workloads":        {func(c *Case) { pods(c, "cart-a-1", "cart-a-2", "web-a-3") }, nil},
		"pods one after the other":           {func(c *Case) { pods(c, "cart-a-1", "cart-a-2", "cart-a-3"); c.Recovery = 3 * time.Second }, nil},
		"a namespace that did not opt in":    {func(c *Case) { pods(c, "cart-a-1"); c.Labels = nil }, []string{Undecided}},
		"a namespace that opted out before":  {func(c *Case) { pods(c, "cart-a-1"); c.Log = append([]Entry{optIn(-5, `"disabled"`)}, c.Log...) }, []string{Undecided}},
		"a namespace that opted out just so": {func(c *Case) { pods(c, "cart-a-1"); c.Log = append([]Entry{optIn(0.5, "null")}, c.Log...) }, nil},
		"a person's yes in a namespace that is left alone": {func(c *Case) {
			agree(c)
			helped(c)
			c.OptOut = "disabled"
			c.Log = append([]Entry{optIn(-5, `"disabled"`)}, c.Log...)
		}, []string{OptedOut}},
		"a namespace that opted out while a person thought": {func(c *Case) {
			agree(c)
			helped(c)
			c.OptOut, c.Thought = "disabled", 20*time.Second
			c.Log = append([]Entry{optIn(-5, `"disabled"`)}, c.Log...)
		}, nil},
		"asked while it is stopped": {func(c *Case) {
			helped(c)
			c.Questions = []time.Time{noon.Add(20 * time.Second), noon.Add(40 * time.Second)}
			c.Log = append(c.Log, stop(10, "create"), stop(30, "delete"), at(50, "get", cart, ""))
		}, []string{Asked}},
		"a namespace that opted in at last": {func(c *Case) {
			pods(c, "cart-a-1")
			c.Labels = nil
			c.Log = append([]Entry{optIn(-5, `"enabled"`)}, c.Log...)
		}, nil},
		"too often, the object":    {func(c *Case) { pods(c, "cart-a-1", "cart-a-2"); c.PerHour.Object = 1 }, []string{Rate}},
		"too often, the namespace": {func(c *Case) { pods(c, "cart-a-1", "web-a-2"); c.PerHour.Namespace = 1 }, []string{Rate}},
		"too often, the cluster":   {func(c *Case) { pods(c, "cart-a-1", "web-a-2"); c.PerHour.Cluster = 1 }, []string{Rate}},
		"an hour later": {func(c *Case) {
			pods(c, "cart-a-1", "web-a-2")
			c.PerHour.Cluster = 1
			c.Log[1].At = noon.Add(-2 * time.Hour)
			c.Decisions[1].From = c.Log[1].At
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := well()
			tc.forge(&c)
			var rules []string
			for _, v := range Check(c) {
				rules = append(rules, v.Rule)
			}
			if !slices.Equal(rules, tc.want) {
				t.Errorf("found %q, want rules %q", Check(c), tc.want)
			}
		})
	}
}

func stop(seconds float64, verb string) Entry {
	return at(seconds, verb, Object{Resource: "configmaps", Namespace: "gatemend", Name: "gatemend-stop"}, "{}").with(by("oncall"))
}

func optIn(seconds float64, value string) Entry {
	return at(seconds, "patch", Object{Resource: "namespaces", Name: "shop"}, `{"metadata":{"labels":{"gatemend.dev/remediation":`+value+`}}}`).with(by("ops"))
}

// TestEffects compares changes with those that take them back.
func TestEffects(t *testing.T) {
	for name, tc := range map[string]struct {
		forwards, back string
		undone         bool
	}{
		"a value":               {forwards, back, true},
		"another value":         {forwards, strings.ReplaceAll(back, "9999", "9998"), false},
		"another field":         {forwards, strings.ReplaceAll(back, "/0/", "/1/"), false},
		"added":                 {`[{"op":"add","path":"/spec/x","value":1}]`, `[{"op":"test","path":"/spec/x","value":1},{"op":"remove","path":"/spec/x"}]`, true},
		"a map, key by key":     {`[{"op":"add","path":"/metadata/annotations","value":{"a/b":"1"}}]`, `[{"op":"test","path":"/metadata/annotations/a~1b","value":"1"},{"op":"remove","path":"/metadata/annotations/a~1b"}]`, true},
		"a map replaced":        {`[{"op":"test","path":"/m","value":{"a":1,"b":2}},{"op":"replace","path":"/m","value":{"a":1}}]`, `[{"op":"test","path":"/m","value":{"a":1}},{"op":"replace","path":"/m","value":{"a":1,"b":2}}]`, true},
		"a list in other words": {`[{"op":"test","path":"/l","value":[1]},{"op":"replace","path":"/l","value":[{"b":1,"a":2}]}]`, `[{"op":"test","path":"/l","value":[{"a":2,"b":1}]},{"op":"replace","path":"/l","value":[ 1 ]}]`, true},
		"half of it":            {`[{"op":"add","path":"/a","value":1},{"op":"add","path":"/b","value":1}]`, `[{"op":"test","path":"/a","value":1},{"op":"remove","path":"/a"}]`, false},
	} {
		f, ok1 := effectOf(at(0, "patch", cart, tc.forwards))
		b, ok2 := effectOf(at(1, "patch", cart, tc.back))
		if !ok1 || !ok2 || b.undoes(f) != tc.undone {
			t.Errorf("%s: %v, then %v: undone %v, want %v", name, f, b, b.undoes(f), tc.undone)
		}
	}
	created, _ := effectOf(at(0, "create", cart, "{}"))
	deleted, _ := effectOf(at(1, "delete", cart, ""))
	if !deleted.undoes(created) || created.undoes(deleted) && created.same(deleted) {
		t.Error("a deletion takes a creation back")
	}
	if e, _ := effectOf(evict(0, "cart-a-1")); e.undoes(e) {
		t.Error("nothing takes an eviction back")
	}
}

// TestRead reads lines as kube-apiserver 1.36 writes them.
func TestRead(t *testing.T) {
	log := strings.Join([]string{
		`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request","auditID":"1","stage":"ResponseStarted","requestURI":"/api/v1/services?watch=true","verb":"watch","user":{"username":"admin"},"objectRef":{"resource":"services","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":200},"requestReceivedTimestamp":"2026-05-04T12:00:00.000001Z","stageTimestamp":"2026-05-04T12:00:00.000002Z"}`,
		`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request","auditID":"2","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/shop/services/cart?dryRun=All\u0026fieldManager=gatemend\u0026fieldValidation=Strict","verb":"patch","user":{"username":"admin","groups":["system:masters"]},"impersonatedUser":{"username":"gatemend"},"sourceIPs":["10.0.0.1"],"objectRef":{"resource":"services","namespace":"shop","name":"cart","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":200},"requestObject":[{"op":"add","path":"/spec/x","value":1}],"requestReceivedTimestamp":"2026-05-04T12:00:02.000001Z","stageTimestamp":"2026-05-04T12:00:02.000002Z"}`,
		`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request","auditID":"3","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/shop/pods/cart-1/eviction","verb":"create","user":{"username":"gatemend"},"objectRef":{"resource":"pods","namespace":"shop","name":"cart-1","apiVersion":"v1","subresource":"eviction"},"responseStatus":{"metadata":{},"status":"Failure","code":429},"requestObject":{"kind":"Eviction","apiVersion":"policy/v1","metadata":{"name":"cart-1","namespace":"shop"},"deleteOptions":{"dryRun":["All"],"preconditions":{"uid":"u"}}},"requestReceivedTimestamp":"2026-05-04T12:00:01.000001Z","stageTimestamp":"2026-05-04T12:00:01.000002Z"}`,
		`{"kind":"Event","apiVersion":"audit.k8s.io/v1","stage":"Respon`,
	}, "\n")
	got, err := Read(strings.NewReader(log))
	if err != nil || len(got) != 2 {
		t.Fatalf("got %+v, %v, want the two answers", got, err)
	}
	first, second := got[0], got[1]
	if first.Subresource != "eviction" || !first.DryRun || first.Code != 429 || first.User != "gatemend" || first.Object.Name != "cart-1" {
		t.Errorf("got %+v, want the eviction that was refused", first)
	}
	if second.User != "gatemend" || !second.DryRun || second.Object != cart || second.Verb != "patch" || len(second.Body) == 0 {
		t.Errorf("got %+v, want the rehearsal by the impersonated user", second)
	}
	if _, err := Read(strings.NewReader("{\n" + log)); err == nil {
		t.Error("a damaged line is no error")
	}
}
