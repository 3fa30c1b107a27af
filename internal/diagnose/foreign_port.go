package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
)

// foreignPort finds a route to a port on which no HTTP is spoken: a broker's, a database's. It is beside the one for people that
// was meant, or the wrong Service altogether.
func (v *view) foreignPort(r *route, l path.Leg) (finding, bool) {
	if l.Port == nil || r.Stream() || len(r.succeeded) > 0 {
		return finding{}, false
	}
	better, language := humanPort(l.Service, l.Port), foreignName(l.Port.Name, l.Port.AppProtocol)
	hits := r.hits(model.Protocol, model.ClosedEarly, model.Reset, model.OtherFailure, model.ResponseTimeout)
	line, said := v.serverSaysHTTP(r)
	if len(hits) < few {
		line, said = model.Evidence{}, false
		if language == "" || better == nil || r.requests > 0 {
			return finding{}, false
		}
	}
	confidence := proven
	if language == "" && !said {
		if language = foreignNumber(l.Port.Port); language == "" || len(hits) < r.failures {
			return finding{}, false
		}
		confidence = likely
	}
	what := "another protocol"
	if language != "" {
		what = language
	}
	summary := fmt.Sprintf("%s sends %s to %s of %s, on which %s is spoken and no HTTP", r.Object, r, portText(*l.Port), serviceRef(l), what)
	f := find("wrong-backend", confidence, at(r.Object, l.Backend.PortField), summary).
		on(r).as(wrongPlace()...).relates("service", serviceRef(l)).
		not("service-port-missing", serviceRef(l).String()+" has the port that the route names").
		not("upstream-protocol-violation", "what answers does not mean to speak HTTP")
	if better != nil {
		f.Summary += fmt.Sprintf("; its %s is for people", portText(*better))
		f = f.wants(fmt.Sprint(better.Port))
		if l.Backend.PortName != "" {
			f = f.wants(text(better.Name))
		}
	}
	f = f.because("object", fmt.Sprintf("%s calls it %s", serviceRef(l), portText(*l.Port)), serviceRef(l), time.Time{})
	if said {
		f.Evidence = append(f.Evidence, line)
	}
	f.covers = true
	return f, true
}

// foreignNames are words in the names of ports, and values of appProtocol, that tell of another protocol than HTTP.
var foreignNames = regexp.MustCompile(`^(?:tcp-|tls-)?(amqps?|mqtts?|stomp|openwire|postgres(?:ql)?|pgsql|mysql|mariadb|redis|valkey|mongo(?:db)?|kafka|cql|cassandra|memcached?|zookeeper|zk|bolt|smtps?|submission|imaps?|ldaps?|epmd|cluster-rpc|ssh)(?:-(?:tcp|tls|ssl|client|server|internal|external|native|plain|sasl|[0-9]+))?$`)

// foreignName is the protocol that a port's name, or its appProtocol, tells, if that is not HTTP.
func foreignName(name string, appProtocol *string) string {
	if appProtocol != nil {
		_, own, _ := strings.Cut("/"+*appProtocol, "/")
		if m := foreignNames.FindStringSubmatch(strings.ToLower(own)); m != nil {
			return m[1]
		}
		if strings.HasPrefix(strings.ToLower(own), "http") || strings.HasPrefix(strings.ToLower(own), "grpc") {
			return ""
		}
	}
	if m := foreignNames.FindStringSubmatch(strings.ToLower(name)); m != nil && !strings.Contains(name, "http") {
		return m[1]
	}
	return ""
}

// foreignNumber is the protocol for which IANA, or the server's own documents, have a port.
func foreignNumber(port int32) string {
	return map[int32]string{
		5671: "amqps", 5672: "amqp", 1883: "mqtt", 8883: "mqtts", 61613: "stomp", 61616: "openwire", 5432: "postgresql", 3306: "mysql", 6379: "redis", 26379: "redis",
		27017: "mongodb", 9092: "kafka", 9042: "cql", 11211: "memcached", 2181: "zookeeper", 7687: "bolt", 4222: "nats", 25: "smtp", 587: "smtp", 389: "ldap", 636: "ldaps",
		4369: "epmd", 25672: "Erlang's distribution", 9300: "Elasticsearch's transport", 22: "ssh",
	}[port]
}

// humanPort is the port of a Service, other than one, on which it most likely answers people's requests; nil if none stands out.
func humanPort(svc *corev1.Service, not *corev1.ServicePort) *corev1.ServicePort {
	var ui, rest []*corev1.ServicePort
	for i := range svc.Spec.Ports {
		p := &svc.Spec.Ports[i]
		switch purpose := aside(p); {
		case p == not || p.Protocol == corev1.ProtocolUDP || p.Protocol == corev1.ProtocolSCTP || foreignName(p.Name, p.AppProtocol)+foreignNumber(p.Port) != "":
		case strings.HasPrefix(p.Name, "http") || p.Name == "web" || p.Port == 80 || p.Port == 8080 || p.Port == 443:
			return p
		case purpose == "admin", purpose == "management", purpose == "mgmt", slices.ContainsFunc([]string{"ui", "console", "dashboard"}, func(w string) bool { return strings.HasSuffix(p.Name, w) }):
			ui = append(ui, p)
		case purpose == "":
			rest = append(rest, p)
		}
	}
	for _, found := range [][]*corev1.ServicePort{ui, rest} {
		if len(found) == 1 {
			return found[0]
		}
	}
	return nil
}

// httpHeard matches what servers of other protocols log when a request of HTTP comes: they show its first letters, or take
// these for a number ("GET " is 1195725856, "POST" 1347375956, "HEAD" 1212498244).
var httpHeard = regexp.MustCompile(strings.Join([]string{
	`bad_header,<<"(?:GET|POST|HEAD|PUT|OPTI|DELE)`,                                   // RabbitMQ
	`Invalid receive \(size = (?:1195725856|1347375956|1212498244)`,                   // Kafka
	`Unreasonable length = (?:1195725856|1347375956|1212498244)`,                      // ZooKeeper
	`It looks like somebody is sending POST or Host: commands to Redis`,               // Redis, Valkey
	`invalid internal transport message format, got \((?:47,45,54|50,4f,53|48,45,41)`, // Elasticsearch, OpenSearch
	`Invalid or unsupported protocol version \((?:71|72|80)\)`,                        // Cassandra
	`Client parser ERROR.*proto='"?(?:GET|POST|HEAD) `,                                // NATS
	`Bad protocol version identification '(?:GET|POST|HEAD) `,                         // OpenSSH
	`(?:invalid length of startup packet|unsupported frontend protocol \d{4,}\.)`,     // PostgreSQL
}, "|"))

// serverSaysHTTP is a line of the applications behind a route that got HTTP and expected something else.
func (v *view) serverSaysHTTP(r *route) (model.Evidence, bool) {
	for _, log := range v.in.Logs {
		if i := slices.IndexFunc(log.Lines, httpHeard.MatchString); i >= 0 && slices.ContainsFunc(r.legs, func(l path.Leg) bool {
			return slices.ContainsFunc(l.Selected, func(p *corev1.Pod) bool { return isLogOf(log, p) })
		}) {
			return model.Evidence{Kind: "app-log", Text: strings.TrimSpace(log.Lines[i]), Source: sourceOf(log)}, true
		}
	}
	return model.Evidence{}, false
}
