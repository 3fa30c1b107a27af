package synth

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
)

// otherGateways are those that only recipes are put behind that name them.
func otherGateways() []gateway {
	return []gateway{
		{"nginx-inc", "nginx-ingress", "ingress", "nginx", "nginx.org/ingress-controller", "docker.io/nginx/nginx-ingress:5.1.1", "nginx-ingress", map[string]string{"app.kubernetes.io/name": "nginx-ingress", "app.kubernetes.io/instance": "nic"}},
		{"ngf", "nginx-gateway", "gateway", "nginx", "gateway.nginx.org/nginx-gateway-controller", "ghcr.io/nginx/nginx-gateway-fabric/nginx:2.1.0", "nginx", map[string]string{"app.kubernetes.io/name": "public-nginx", "app.kubernetes.io/managed-by": "ngf-nginx", "gateway.networking.k8s.io/gateway-name": "public"}},
		{"kong", "kong", "ingress", "kong", "ingress-controllers.konghq.com/kong", "docker.io/library/kong:3.9", "proxy", map[string]string{"app.kubernetes.io/name": "kong", "app.kubernetes.io/component": "app"}},
		{"alb", "aws-load-balancer", "ingress", "alb", "ingress.k8s.aws/alb", "public.ecr.aws/eks/aws-load-balancer-controller:v2.13.3", "aws-load-balancer-controller", map[string]string{"app.kubernetes.io/name": "aws-load-balancer-controller"}},
		{"gke", "infra", "gateway", "gke-l7-global-external-managed", "networking.gke.io/gateway", "", "", nil},
		{"agic", "agic", "ingress", "azure-application-gateway", "azure/application-gateway", "mcr.microsoft.com/azure-application-gateway/kubernetes-ingress:1.8.1", "ingress-azure", map[string]string{"app": "ingress-azure"}},
	}
}

// outside: the proxy is a cloud's load balancer, and no pod of the cluster.
func (g gateway) outside() bool { return slices.Contains([]string{"alb", "gke", "agic"}, g.name) }

// gatewayLog names the log of the proxy. A cloud's is a file that somebody fetched.
func (c *Cluster) gatewayLog() string {
	if c.gateway.outside() {
		return c.gateway.name + "_access"
	}
	return c.front.Pods[0].Name + "_" + c.gateway.container
}

// onALB writes what the AWS controller wants to know, and reports.
func (c *Cluster) onALB(in *networkingv1.Ingress) {
	in.Annotations["alb.ingress.kubernetes.io/scheme"] = "internet-facing"
	in.Annotations["alb.ingress.kubernetes.io/target-type"] = "ip"
	in.Annotations["alb.ingress.kubernetes.io/group.name"] = c.world.name
	in.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{Hostname: "k8s-" + c.world.name + "-1a2b3c4d5e-1234567890.eu-central-1.elb.amazonaws.com"}}
	for _, a := range c.apps {
		if a.Path != "" && a.Service.Namespace == in.Namespace {
			c.yaml(fmt.Sprintf("{apiVersion: elbv2.k8s.aws/v1beta1, kind: TargetGroupBinding, metadata: {name: k8s-%s, namespace: %s, creationTimestamp: '2026-04-01T00:00:00Z'}, spec: {serviceRef: {name: %s, port: http}, targetGroupARN: 'arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/k8s-%s-0123456789/73e2d6bc24d8a067', targetType: ip, vpcID: vpc-0a1b}}", a.Name, in.Namespace, a.Name, a.Name))
		}
	}
}

// mergeable makes an Ingress of F5's controller one of those that share a host: a master that holds the host, and
// minions with the paths. Two plain Ingresses of one host are refused.
func (c *Cluster) mergeable(in *networkingv1.Ingress) {
	const kind = "nginx.org/mergeable-ingress-type"
	if in.Namespace == c.world.namespace {
		master := in.DeepCopy()
		master.Name, master.Annotations[kind] = c.world.name+"-host", "master"
		master.Spec.Rules[0].HTTP = nil
		c.add(master)
	}
	in.Annotations[kind], in.Spec.TLS = "minion", nil
}

// otherStatus is what these gateways answer; 0: as the table of the first ones says.
func (g gateway) otherStatus(o outcome) int {
	if !slices.ContainsFunc(otherGateways(), func(x gateway) bool { return x.name == g.name }) {
		return 0
	}
	switch o.kind {
	case "timeout", "slow":
		return 504
	case "noroute":
		return 404
	case "none", "unusable":
		switch {
		case g.name == "ngf" && o.kind == "unusable":
			return 500
		case g.name == "ngf" || g.name == "kong" || g.name == "alb":
			return 503
		}
	}
	return 502
}

func otherLines(g gateway, r request) []string {
	switch g.name {
	case "nginx-inc":
		return combined(r, ` "198.51.100.20"`)
	case "ngf":
		return combined(r, "")
	case "kong":
		return kongLines(r)
	case "alb":
		return albLines(r)
	case "gke":
		return gkeLines(r)
	case "agic":
		return agicLines(r)
	}
	return nil
}

// combined is nginx's own format, which names no upstream.
func combined(r request, tail string) []string {
	var out []string
	if line := nginxErrorLine(r); line != "" {
		out = append(out, line)
	}
	return append(out, fmt.Sprintf(`198.51.100.20 - - [%s] "GET %s HTTP/2.0" %d 157 "-" "okhttp/4.12.0"%s`, r.at.Add(r.o.took).Format("02/Jan/2006:15:04:05 -0700"), r.path, r.status, tail))
}

func kongLines(r request) []string {
	id := fmt.Sprintf("%032x", r.at.UnixNano())
	var out []string
	if line := nginxErrorLine(r); line != "" {
		out = append(out, fmt.Sprintf(`%s, request_id: "%s"`, line, id))
	}
	if r.o.kind == "none" {
		out = append(out, fmt.Sprintf(`%s [error] 2411#0: *3407 [lua] handler.lua:1331: access(): failed the initial dns/balancer resolve for '%s.%s.http.svc' with: failure to get a peer from the ring-balancer, client: 198.51.100.20, server: kong, request: "GET %s HTTP/2.0", host: "%s", request_id: "%s"`,
			r.at.Format("2006/01/02 15:04:05"), r.app.Name, r.app.Service.Namespace, r.path, r.host(), id))
	}
	return append(out, fmt.Sprintf(`198.51.100.20 - - [%s] "GET %s HTTP/2.0" %d 96 "-" "okhttp/4.12.0" kong_request_id: "%s"`, r.at.Add(r.o.took).Format("02/Jan/2006:15:04:05 -0700"), r.path, r.status, id))
}

func albLines(r request) []string {
	target, times, said := or(r.upstream, "-"), "-1 -1 -1", "-"
	switch r.o.kind {
	case "", "app":
		times, said = fmt.Sprintf("0.000 %.3f 0.000", r.o.took.Seconds()), fmt.Sprint(r.status)
	case "closed", "reset":
		times = fmt.Sprintf("0.000 %.3f -1", r.o.took.Seconds())
	case "slow":
		times = "0.000 -1 -1"
	}
	const layout = "2006-01-02T15:04:05.000000Z"
	return []string{fmt.Sprintf(`h2 %s app/k8s-%s-1a2b3c4d5e/50dc6c495c0c9188 198.51.100.20:42000 %s %s %d %s 312 498 "GET https://%s:443%s HTTP/2.0" "okhttp/4.12.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/k8s-%.8s-%.8s-0123456789/73e2d6bc24d8a067 "Root=1-f6f8ca1e-d640b8a47a692332d6cd0a19" "%s" "arn:aws:acm:eu-central-1:123456789012:certificate/1234" 1 %s "forward" "-" "-" "%s" "%s" "-" "-" TID_c8e8c974cb6f60e2a56cf847f92c7051`,
		r.at.Add(r.o.took).Format(layout), r.app.c.world.name, target, times, r.status, said, r.host(), r.path, strings.ReplaceAll(r.app.Service.Namespace, "-", ""), strings.ReplaceAll(r.app.Name, "-", ""), r.host(), r.at.Format(layout), target, said)}
}

func gkeLines(r request) []string {
	details := map[string]string{"": "response_sent_by_backend", "app": "response_sent_by_backend", "refused": "failed_to_connect_to_backend", "timeout": "failed_to_connect_to_backend", "none": "failed_to_pick_backend", "slow": "backend_timeout", "closed": "backend_connection_closed_before_data_sent_to_client"}[r.o.kind]
	hr := map[string]any{"requestMethod": "GET", "requestUrl": "https://" + r.host() + r.path, "requestSize": "312", "status": r.status, "responseSize": "200", "userAgent": "okhttp/4.12.0", "remoteIp": "198.51.100.20", "latency": fmt.Sprintf("%.6fs", r.o.took.Seconds())}
	if ip, _, ok := strings.Cut(r.upstream, ":"); ok {
		hr["serverIp"] = ip
	}
	severity := "INFO"
	if r.status >= 500 {
		severity = "WARNING"
	}
	return jsonLine(map[string]any{
		"insertId": fmt.Sprintf("%014x", r.at.UnixNano()), "httpRequest": hr, "severity": severity, "timestamp": r.at.Format(time.RFC3339Nano),
		"jsonPayload": map[string]any{"@type": "type.googleapis.com/google.cloud.loadbalancing.type.LoadBalancerLogEntry", "statusDetails": details, "remoteIp": "198.51.100.20", "backendTargetProjectNumber": "projects/123456789012"},
		"resource":    map[string]any{"type": "http_load_balancer", "labels": map[string]any{"project_id": "prod", "zone": "global", "backend_service_name": fmt.Sprintf("gkegw1-1a2b-%s-%s-80-0123abcd", r.app.Service.Namespace, r.app.Name), "url_map_name": "gkegw1-1a2b-infra-public-0123abcd", "forwarding_rule_name": "gkegw1-1a2b-infra-public-0123abcd", "target_proxy_name": "gkegw1-1a2b-infra-public-0123abcd"}},
	})
}

func agicLines(r request) []string {
	p := map[string]any{"instanceId": "appgw_0", "clientIP": "198.51.100.20", "httpMethod": "GET", "requestUri": r.path, "requestQuery": "", "userAgent": "okhttp/4.12.0", "httpStatus": r.status, "httpVersion": "HTTP/2.0", "timeTaken": r.o.took.Seconds(), "host": r.host(), "originalHost": r.host(), "sslEnabled": "on", "serverRouted": r.upstream, "serverStatus": "", "serverResponseLatency": ""}
	switch r.o.kind {
	case "", "app":
		p["serverStatus"], p["serverResponseLatency"] = fmt.Sprint(r.status), fmt.Sprintf("%.3f", r.o.took.Seconds())
	case "none", "refused", "timeout": // whom its probes do not reach is asked no more
		p["error_info"], p["serverRouted"] = "ERRORINFO_UPSTREAM_NO_LIVE", ""
	case "slow":
		p["error_info"] = "ERRORINFO_UPSTREAM_TIMED_OUT"
	}
	ns, name, port := r.app.Service.Namespace, r.app.Name, r.app.Port
	return jsonLine(map[string]any{"timeStamp": r.at.Format(time.RFC3339Nano), "resourceId": "/SUBSCRIPTIONS/0/RESOURCEGROUPS/PROD/PROVIDERS/MICROSOFT.NETWORK/APPLICATIONGATEWAYS/PUBLIC", "listenerName": "fl-1a2b", "ruleName": "rr-1a2b",
		"backendPoolName": fmt.Sprintf("pool-%s-%s-80-bp-%d", ns, name, port), "backendSettingName": fmt.Sprintf("bp-%s-%s-80-%d-%s", ns, name, port, r.app.routeName()), "operationName": "ApplicationGatewayAccess", "category": "ApplicationGatewayAccessLog", "properties": p})
}

func jsonLine(v any) []string {
	line, err := json.Marshal(v)
	if err != nil {
		panic(err) // a mistake above
	}
	return []string{string(line)}
}
