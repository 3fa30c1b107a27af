package proxy

// PathRule is one path of an Ingress, as its author wrote it.
type PathRule struct {
	Host     string
	Path     string
	Type     string // Exact, Prefix or ImplementationSpecific
	Settings Settings
}

// How says how a pattern is compared with a request's path.
type How uint8

// The ways to compare.
const (
	Elements    How = iota // element by element: /a takes /a and /a/b, not /ab
	Equal                  // the whole path
	Leading                // a plain string prefix: /a takes /ab
	LeadingFold            // the same, in any case
	Matches                // a regular expression that must match from start to end
	Opens                  // a regular expression that must match from the start
	OpensFold              // the same, in any case
	Within                 // a regular expression that may match anywhere
	Glob                   // * is any text, ? any character
)

// Pattern is how a controller compares a path. Among the patterns of a host that take a path, the
// one of the highest rank is asked.
type Pattern struct {
	How  How
	Text string
	Rank int
}

// The bands of ranks: whatever its length, a pattern of a higher band is asked first.
const (
	band = 1 << 16
	// ExactFirst is added to the rank of exact paths, RegexFirst to that of expressions where the proxy
	// asks them before prefixes, and RegexLast where it asks them after.
	ExactFirst = 2 * band
	RegexFirst = band
	RegexLast  = -band
)

// PlainPattern is a path as the letter of the Ingress API has it: Exact before Prefix, longer before
// shorter. What is ImplementationSpecific is compared as given, after a Prefix of the same text: proxies
// look for /a/ before /a.
func PlainPattern(r PathRule, otherwise How) Pattern {
	switch r.Type {
	case "Exact":
		return Pattern{How: Equal, Text: r.Path, Rank: ExactFirst + len(r.Path)}
	case "Prefix":
		return Pattern{How: Elements, Text: r.Path, Rank: 2*len(r.Path) + 1}
	default:
		return Pattern{How: otherwise, Text: r.Path, Rank: 2 * len(r.Path)}
	}
}

// Matching says how a proxy chooses among the hosts of rules.
type Matching struct {
	// FallsThrough is set where rules of less specific hosts are asked for what those of the request's
	// own host leave. Others ask one host only: nginx's servers, Envoy's virtual hosts.
	FallsThrough bool
	// DeepWildcard is set where *.example takes a.b.example from an Ingress, against the letter of the
	// API, which lets a wildcard stand for one label.
	DeepWildcard bool
	// OneObjectPerHost is set where a host belongs to its oldest Ingress, and all rules of others for it
	// are refused.
	OneObjectPerHost bool
	// WholeRules is set where a rule of a Gateway API route is dropped as a whole if an older one has one
	// of its matches, and where of different matches of the same weight in two routes the place of the
	// rule in its route decides, then names and values, and age only then.
	WholeRules bool
	// DropsUnresolved is set where a rule is not there as long as its backend does not exist, so that nobody serves its
	// requests; others keep the rule and have nowhere to send to.
	DropsUnresolved bool
	// Rest says who takes what the rules of a host leave.
	Rest Rest
	// Ports says which port of its Service the backend of an Ingress means.
	Ports Ports
}

// Ports says which port of its Service a backend means.
type Ports uint8

// The ways.
const (
	PortsByName   Ports = iota // the one that has the backend's name or number, as the API has it
	PortsOrTarget              // the first one that has it as its name, number or target port
	TargetsFirst               // one that has it as its name or target port, else as its number
)

// Rest says who takes what the rules of a host leave.
type Rest uint8

// The ways. The default backend of an Ingress always takes requests for hosts that no rule names.
const (
	RestToOwn    Rest = iota // the default backend of an Ingress with rules for the host
	RestToAny                // any Ingress's default backend
	RestUnserved             // nobody
)

// Of returns how a proxy matches hosts.
func (p Proxy) Of(controller string) Matching {
	if p.Matching == nil {
		return Matching{}
	}
	return p.Matching(controller)
}
