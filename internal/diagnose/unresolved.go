package diagnose

import (
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// saying is an application's own line about a name that it cannot resolve.
type saying struct {
	line, source string
	container    string
	name         string // empty where the line does not say it
	silent       bool   // the resolver did not answer; false: it answered that there is no such name
	answers      int    // how many such lines are about a request that the application answered with an error lately
	certain      bool   // the words are a resolver's that says that there is no such name, and the name stands where these have it
}

func (s saying) evidence() model.Evidence {
	return model.Evidence{Kind: "app-log", Text: s.line, Source: s.source}
}

// whom is the name, or a word for it.
func (s saying) whom() string {
	if s.name == "" {
		return "names"
	}
	return s.name
}

// noSuchName finds the words of which it is certain that a resolver was asked for the name and knows none such. Others leave
// room for a word that is no name: "cannot connect to host after 3 attempts: Name or service not known".
var noSuchName = regexp.MustCompile(strings.Join([]string{
	`lookup ([\w.-]+)(?: on \S+)?: no such host`,
	`(?:getaddrinfo|query\w+) ENOTFOUND ([\w.-]+)`,
	// The JDK's, and Netty's, which has a sentence in the place of the name.
	`UnknownHostException: (?:[Ff]ailed to resolve ')?([\w.-]+)(?:[^\w.\- ]|$)`,
	`[Cc]ould not resolve host: ([\w.-]+)`,
	`[Ff]ailed to resolve '([\w.-]+)' \(\[Errno -2\]`,
	`could not translate host name "([\w.-]+)"`,
	`Unknown MySQL server host '([\w.-]+)' \(-2\)`,
	`([\w.-]+) could not be resolved \(3:`,
	`host not found in (?:upstream|resolver) "([\w.-]+)`,
	`(?:No such host is known|Name or service not known|Name does not resolve)\.? \(([\w.-]+):\d+\)`, // .NET
}, "|"))

// unresolvedName finds what resolvers say of a name: those of Go, Node.js, Java, curl, glibc (through
// Python, Ruby, PostgreSQL's and MySQL's clients), .NET, Rust and nginx. Much else is resolved, too: placeholders,
// dependencies, components; so the two words alone say nothing of a host.
var unresolvedName = regexp.MustCompile(strings.Join([]string{
	`lookup ([\w.-]+)(?: on \S+)?:? (?:no such host|server misbehaving|i/o timeout|read udp|dial udp|write udp|Temporary failure)`,
	`getaddrinfo (?:ENOTFOUND|EAI_AGAIN|EAI_FAIL) ([\w.-]+)`,
	`query\w+ (?:ENOTFOUND|ETIMEOUT|ESERVFAIL|EREFUSED|ECONNREFUSED) ([\w.-]+)`,
	`UnknownHostException: ([\w.-]+)`,
	`[Cc]ould not resolve (?:host(?:name)?|proxy):? '?"?([\w.-]+)`,
	`[Ff]ailed to resolve '([\w.-]+)' (?:\(\[Errno|\[A|after \d+ quer)`, // Python, Netty
	`could not translate host name "([\w.-]+)"`,
	`Unknown (?:MySQL )?(?:server )?host '?([\w.-]+)`,
	`(?:host|hostname|host=)['":= ]+([\w.-]+)['",]*.{0,120}(?:Name or service not known|Temporary failure in name resolution|Name does not resolve)`,
	`([\w.-]+) could not be resolved \(\d+:`,
	`host not found in (?:upstream|resolver) "([\w.-]+)`,
	`(?:No such host is known|nodename nor servname provided|Name or service not known|Name does not resolve|Temporary failure in name resolution|DNS resolution failed)(?:\.? \(([\w.-]+):\d+\)|: ?"?([\w.-]+))?`,
	`failed to lookup address information`,
	`name resolver error`,
}, "|"))

// resolverSilent finds that a resolver did not answer, as opposed to saying no.
var resolverSilent = regexp.MustCompile(`i/o timeout|EAI_AGAIN|ETIMEOUT|ESERVFAIL|ECONNREFUSED|Temporary failure|server misbehaving|timed out|connection refused|Errno -3|operation not permitted`)

// saysUnresolved finds the last line in the logs of a workload's pods that says that a name was not
// resolved.
func (v *view) saysUnresolved(w *workload) (saying, bool) {
	var out saying
	answers := 0
	for _, log := range v.in.Logs {
		if !v.ofWorkload(w, log.Pod) {
			continue
		}
		for _, l := range log.Lines {
			m := unresolvedName.FindStringSubmatch(l)
			if m == nil {
				continue
			}
			name := strings.Trim(strings.Join(m[1:], ""), ".")
			if name == "" && out.name != "" {
				continue
			}
			if answeredError.MatchString(l) && !v.noNews(l) {
				answers++
			}
			out = saying{line: strings.TrimSpace(l), source: sourceOf(log), container: log.Container, name: name, silent: resolverSilent.MatchString(l)}
			if m := noSuchName.FindStringSubmatch(l); m != nil && !out.silent {
				out.name, out.certain = strings.Trim(strings.Join(m[1:], ""), "."), true
			}
		}
	}
	out.answers = answers
	return out, out.line != ""
}

// answeredError finds that a line is about a request that was answered with an error of the server: status=502, "status": 503.
var answeredError = regexp.MustCompile(`(?i)\bstatus(?:_?code)?"?\s?[:=]\s?"?5\d\d\b`)

// stamp finds the time of a line, where the line says of which zone it is (RFC 3339).
var stamp = regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)`)

// noNews reports whether a line says that it is no news any more. One that does not say when it was written is taken for news.
func (v *view) noNews(line string) bool {
	at, err := time.Parse(time.RFC3339, stamp.FindString(line))
	return err == nil && v.s.At().Sub(at) > fresh
}

// domain is the cluster's DNS domain where nothing else is known.
const domain = "cluster.local"

// internal says which Service a name means to a pod of a namespace; ok is false for names outside the
// cluster.
func (v *view) internal(name, from string) (service model.Ref, ok bool) {
	name = strings.TrimSuffix(strings.TrimSuffix(name, "."), "."+domain)
	labels := strings.Split(name, ".")
	service = model.Ref{APIVersion: "v1", Kind: "Service", Namespace: from, Name: labels[0]}
	switch {
	case name == "":
		return model.Ref{}, false
	case len(labels) == 1:
		return service, true
	case len(labels) >= 3 && labels[len(labels)-1] == "svc":
		service.Name, service.Namespace = labels[len(labels)-3], labels[len(labels)-2]
		return service, true
	case len(labels) == 2:
		if headless, ok := v.ofPod(from, labels[0], labels[1]); ok {
			return headless, true
		}
		service.Namespace = labels[1]
		_, presence := v.s.Namespaces().Get("", labels[1])
		return service, presence == snapshot.Present || v.displaced(service) != nil
	default:
		return model.Ref{}, false
	}
}

// numbered matches the names that a StatefulSet gives to its pods.
var numbered = regexp.MustCompile(`-\d+$`)

// ofPod is the Service of a namespace by which a name of two labels means one pod of a StatefulSet, kafka-0.kafka; the second
// label may be the name of a namespace as well. ok is false where the two are a Service's name and namespace.
func (v *view) ofPod(from, first, second string) (service model.Ref, ok bool) {
	if _, presence := v.s.Services().Get(second, first); presence == snapshot.Present || !numbered.MatchString(first) {
		return model.Ref{}, false
	}
	_, presence := v.s.Services().Get(from, second)
	return model.Ref{APIVersion: "v1", Kind: "Service", Namespace: from, Name: second}, presence == snapshot.Present
}

// fullName is a Service's name as the cluster's DNS knows it.
func fullName(service model.Ref) string {
	return service.Name + "." + service.Namespace + ".svc." + domain
}

// resolves reports whether a pod's DNS settings lead to the cluster's DNS, and if not the field that is
// wrong, the value that it should have, and why.
func (v *view) dnsSettings(spec *corev1.PodSpec, name string) (field, wanted, why string) {
	policy := spec.DNSPolicy
	switch {
	case spec.HostNetwork && (policy == "" || policy == corev1.DNSClusterFirst):
		return "dnsPolicy", `"ClusterFirstWithHostNet"`, "its pods are on their node's network, where dnsPolicy ClusterFirst means Default: they ask the node's resolver, which does not know the cluster's names"
	case policy == corev1.DNSDefault:
		return "dnsPolicy", `"ClusterFirst"`, "its dnsPolicy is Default: its pods ask the node's resolver, which does not know the cluster's names"
	case policy != corev1.DNSNone:
		return v.searched(spec, name)
	}
	dns := v.m.DNSService()
	if spec.DNSConfig != nil && dns != nil {
		for _, ns := range spec.DNSConfig.Nameservers {
			if ns == dns.Spec.ClusterIP {
				return v.searched(spec, name)
			}
		}
	}
	return "dnsPolicy", `"ClusterFirst"`, "its dnsPolicy is None and its nameservers (" + nameservers(spec) + ") are not the cluster's DNS, so they do not know the cluster's names"
}

func nameservers(spec *corev1.PodSpec) string {
	if spec.DNSConfig == nil || len(spec.DNSConfig.Nameservers) == 0 {
		return "none"
	}
	return strings.Join(spec.DNSConfig.Nameservers, ", ")
}

// searched looks at what a resolver makes of a short name: without search domains only full names are
// found, and with ndots 1 a name with a dot in it is first, in musl only, asked as it is.
func (v *view) searched(spec *corev1.PodSpec, name string) (field, wanted, why string) {
	if spec.DNSConfig == nil || strings.HasSuffix(strings.TrimSuffix(name, "."), domain) {
		return "", "", ""
	}
	if spec.DNSPolicy == corev1.DNSNone && !containsDomain(spec.DNSConfig.Searches) {
		return "dnsConfig.searches", "", "its dnsPolicy is None and it has no search domain of the cluster, so that short names are not found"
	}
	for _, o := range spec.DNSConfig.Options {
		if o.Name == "ndots" && o.Value != nil && strings.Contains(name, ".") && (*o.Value == "0" || *o.Value == "1") {
			return "dnsConfig.options", "", "its ndots is " + *o.Value + ", so that " + name + ", which has a dot, is taken for a full name"
		}
	}
	return "", "", ""
}

func containsDomain(searches []string) bool {
	for _, s := range searches {
		if strings.HasSuffix(s, "svc."+domain) {
			return true
		}
	}
	return false
}
