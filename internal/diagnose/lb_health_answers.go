package diagnose

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/proxy"
)

// Applications that log their requests log those of a load balancer's health check, too, with what they answered: that tells
// whether it passes where no object does.

// What is read of a line about a request: the status, in the common log format and in fields of the names that people give it; the
// path; and an address of the networks from which Google's load balancers ask, 35.191.0.0/16 and 130.211.0.0/22
// (docs.cloud.google.com, Health checks overview, probe IP ranges). They send the requests of clients from there, too.
var (
	answeredStatus = regexp.MustCompile(`(?i)(?:HTTP/[0-9.]+"\s+|\b(?:http_?)?(?:status|status_?code|response_?code|code)"?\s*[:=]\s*"?)([1-5]\d\d)\b`)
	askedPath      = regexp.MustCompile(`(?i)(?:"(?:GET|HEAD)\s+|\b(?:path|uri|url)"?\s*[:=]\s*"?)(/[^\s",]*)`)
	changing       = regexp.MustCompile(`\b(?:POST|PUT|PATCH|DELETE)\b`) // checks ask with GET
	fromGoogle     = regexp.MustCompile(`\b(?:35\.191\.\d{1,3}|130\.211\.[0-3])\.\d{1,3}\b`)
)

// refusedChecks says that the pods of a backend answer a load balancer's health check with what does not pass, by a line of their
// logs, if no line says otherwise.
func (v *view) refusedChecks(r *route, l path.Leg) (why string, said model.Evidence, ok bool) {
	passes, known := v.passingCodes(r, l)
	if !known {
		return "", said, false
	}
	n, last := 0, answeredCheck{}
	for _, log := range v.in.Logs {
		if log.Previous || !slices.ContainsFunc(l.Selected, func(p *corev1.Pod) bool { return p.Name == log.Pod.Name && p.Namespace == log.Pod.Namespace }) {
			continue
		}
		for _, line := range log.Lines {
			c, is := checkIn(line)
			if !is {
				continue
			}
			if passes(c.status) || n > 0 && !c.named && c.path != last.path {
				return "", said, false // it passes, or these are clients' requests, which ask for more than one path
			}
			n, last = n+1, c
			said = model.Evidence{Kind: "app-log", Text: strings.TrimSpace(line), Source: sourceOf(log)}
		}
	}
	return fmt.Sprintf("its pods answer %d to the check for %s", last.status, cmp.Or(last.path, "its path")), said, n >= few
}

// answeredCheck is what a line says of a request that may be a load balancer's health check.
type answeredCheck struct {
	status int
	path   string
	named  bool // by its User-Agent header
}

// checkIn reads a line about a health check: Google's and AWS's name themselves in the User-Agent header; where that is not logged,
// it is a request from Google's networks.
func checkIn(line string) (answeredCheck, bool) {
	c := answeredCheck{named: strings.Contains(line, "GoogleHC/") || strings.Contains(line, "ELB-HealthChecker/")}
	status := answeredStatus.FindStringSubmatch(line)
	if !c.named && (!fromGoogle.MatchString(line) || changing.MatchString(line)) || status == nil {
		return c, false
	}
	c.status, _ = strconv.Atoi(status[1]) // three digits
	if p := askedPath.FindStringSubmatch(line); p != nil {
		c.path = p[1]
	}
	return c, true
}

// passingCodes says which statuses pass the health check of a route's load balancer: Google's takes 200 only
// (docs.cloud.google.com, Health checks overview, success criteria), AWS's what its controller was told, 200 unless it was told
// other ones.
func (v *view) passingCodes(r *route, l path.Leg) (passes func(int) bool, known bool) {
	switch r.Proxy {
	case "gcp-lb":
		return func(status int) bool { return status == 200 }, true
	case "aws-alb":
		s, ok := v.m.Setting(r.Route, l, proxy.HealthCodes)
		if !ok || s.Value == "" {
			return func(status int) bool { return status == 200 }, true
		}
		return func(status int) bool { return codesTake(s.Value, status) }, true
	default:
		return nil, false
	}
}

// codesTake reads a list of statuses and of ranges of them: "200,302" or "200-399".
func codesTake(list string, status int) bool {
	for part := range strings.SplitSeq(list, ",") {
		low, high, ranged := strings.Cut(strings.TrimSpace(part), "-")
		if !ranged {
			high = low
		}
		from, err := strconv.Atoi(low)
		to, err2 := strconv.Atoi(high)
		if err == nil && err2 == nil && status >= from && status <= to {
			return true
		}
	}
	return false
}

// isGoogleBackend reports whether Google's name for a backend is that of a Service port: of its group of endpoints, which the
// Service's annotation tells and which may be cut short, or of its node port (kubernetes/ingress-gce, pkg/utils/namer).
func isGoogleBackend(name string, l path.Leg) bool {
	var neg struct {
		Groups map[string]string `json:"network_endpoint_groups"`
	}
	if err := json.Unmarshal([]byte(l.Service.Annotations["cloud.google.com/neg-status"]), &neg); err == nil && l.Port != nil {
		if neg.Groups[strconv.Itoa(int(l.Port.Port))] == name {
			return true
		}
	}
	if l.Port != nil && l.Port.NodePort != 0 && strings.HasPrefix(name, fmt.Sprintf("k8s-be-%d--", l.Port.NodePort)) {
		return true
	}
	return strings.Contains(name, "-"+l.Service.Namespace+"-"+l.Service.Name+"-")
}

// whereChecked is the place to set a health check that nothing sets: for GKE's Ingress the annotation with which a Service names
// its BackendConfig, for AWS's an annotation, too; for GKE's Gateway a HealthCheckPolicy, which is about a Service.
func (r *route) whereChecked(l path.Leg) model.FieldRef {
	switch {
	case r.Proxy == "gcp-lb" && r.Object.Kind == "Ingress":
		return at(serviceRef(l), annotation(backendConfig))
	case r.Proxy == "aws-alb":
		return at(serviceRef(l), annotation("alb.ingress.kubernetes.io/healthcheck-path"))
	default:
		return at(serviceRef(l), "")
	}
}
