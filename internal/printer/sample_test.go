package printer_test

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

func ref(kind, name string) model.Ref {
	versions := map[string]string{"Ingress": "networking.k8s.io/v1", "Deployment": "apps/v1"}
	v := versions[kind]
	if v == "" {
		v = "v1"
	}
	return model.Ref{APIVersion: v, Kind: kind, Namespace: "shop", Name: name}
}

func hop(kind model.HopKind, object model.Ref, v model.Verdict, why string) model.Hop {
	return model.Hop{Kind: kind, Namespace: object.Namespace, Name: object.Name, Object: object, Verdict: v, Why: why}
}

func brokenTrace() model.Trace {
	return model.Trace{
		Request: model.Request{Host: "shop.example.com", Path: "/cart"}, Proxy: "nginx", Predicts: "502",
		Route: ref("Ingress", "shop"), Backend: ref("Service", "cart"),
		Hops: []model.Hop{
			hop(model.HopGateway, ref("Pod", "ingress-nginx-controller-7d9c"), model.OK, ""),
			hop(model.HopRule, ref("Ingress", "shop"), model.OK, ""),
			hop(model.HopService, ref("Service", "cart"), model.Broken, "port 80 goes to 8080, where no container of the pods listens"),
			hop(model.HopPod, ref("Pod", "cart-1"), model.OK, ""),
			hop(model.HopPod, ref("Pod", "cart-2"), model.OK, ""),
			hop(model.HopContainer, model.Ref{}, model.Unknown, "its ports are not declared"),
		},
		Endpoints: []model.Endpoint{
			{Address: "10.0.3.7:8080", Pod: ref("Pod", "cart-1"), Ready: true, Outcome: model.Outcome{Status: 502, Failure: model.Refused, Reason: "connect() failed (111: Connection refused)"}},
		},
	}
}

func sampleDiagnosis() model.Diagnosis {
	change := model.Change{
		Op: model.OpPatch, Target: ref("Service", "cart"),
		Fields: []model.FieldChange{{Path: "/spec/ports/0/targetPort", Old: json.RawMessage("8080"), New: json.RawMessage("9090")}},
	}
	undo, _ := change.Inverse()
	return model.Diagnosis{
		APIVersion: model.APIVersion, Kind: model.KindDiagnosis, At: noon,
		Traces: []model.Trace{brokenTrace()},
		Observed: []model.Observation{{
			Route: "shop.example.com/cart", Object: ref("Ingress", "shop"), Proxy: "nginx", Status: 502,
			Failure: model.Refused, Count: 214, Requests: 562, First: noon.Add(-6 * time.Minute), Last: noon,
		}},
		Changes: []model.Changed{
			{At: noon.Add(-6 * time.Minute), Object: ref("Service", "cart"), Field: "spec.ports[0].targetPort", Who: "kubectl-edit", What: "changed spec.ports[0].targetPort", New: "8080"},
			{At: noon.Add(-40 * time.Minute), Object: ref("Deployment", "cart"), Field: "spec.template.spec.containers[0].image", Who: "argocd-controller", What: "revision 7 changed the image of container web", Old: "shop/cart:6", New: "shop/cart:7"},
		},
		Causes: []model.Finding{{
			ID: "target-port-mismatch", Family: "service-wiring", Confidence: 0.97,
			Object:  model.FieldRef{Ref: ref("Service", "cart"), Field: "spec.ports[0].targetPort"},
			Summary: "Service shop/cart sends port 80 to 8080; its two pods listen on 9090.",
			Evidence: []model.Evidence{
				{Kind: "proxy-log", Text: "214 lines: connection refused by 10.0.3.7:8080", At: noon.Add(-6 * time.Minute), Source: "ingress/ingress-nginx-controller-7d9c/controller"},
				{Kind: "object", Text: "container web of Deployment shop/cart declares port 9090 \x1b[31mand nothing else"},
			},
			Explains: []string{"502 on shop.example.com/cart"}, Since: noon.Add(-6 * time.Minute), Routes: []model.Ref{ref("Ingress", "shop")},
		}},
		AlsoWrong: []model.Finding{{ID: "container-crashloop", Confidence: 0.9, Summary: "Deployment shop/mailer exits with code 1; no route leads to it."}},
		RuledOut:  []model.RuledOut{{ID: "no-replicas", Because: "two of two pods are ready"}},
		Unknown:   []model.Unseen{{What: "NetworkPolicies", Why: `networkpolicies.networking.k8s.io is forbidden: User "dev" cannot list resource`}},
		Remedies: []model.Remedy{{
			Action: "patch-service", Cause: "target-port-mismatch", Summary: "targetPort 8080 -> 9090 on Service shop/cart", Risk: model.RiskLow,
			Changes: []model.Change{change}, Change: change, Predicts: "200", Undo: []model.Change{undo}, Machine: model.MachineFix, Proof: model.ProofTraffic,
			Kubectl: `kubectl patch service cart -n shop --type json -p '[{"op":"replace","path":"/spec/ports/0/targetPort","value":9090}]'`,
			Why:     "9090 is the only port that the pods declare",
		}},
	}
}

func healthyDiagnosis() model.Diagnosis {
	t := brokenTrace()
	t.Predicts, t.Endpoints = "200", nil
	for i := range t.Hops {
		t.Hops[i].Verdict, t.Hops[i].Why = model.OK, ""
	}
	return model.Diagnosis{
		APIVersion: model.APIVersion, Kind: model.KindDiagnosis, At: noon, Healthy: true,
		Target: model.Target{Object: &model.Ref{APIVersion: "v1", Kind: "Service", Namespace: "shop", Name: "cart"}},
		Traces: []model.Trace{t},
	}
}

func blindDiagnosis() model.Diagnosis {
	d := model.Diagnosis{APIVersion: model.APIVersion, Kind: model.KindDiagnosis, At: noon}
	d.Unknown = []model.Unseen{{What: "Pods", Why: "forbidden"}}
	return d
}

func samplePlan() model.Plan {
	d := sampleDiagnosis()
	after := healthyDiagnosis().Traces
	return model.Plan{
		APIVersion: model.APIVersion, Kind: model.KindPlan, Finding: d.Causes[0], Remedy: d.Remedies[0],
		Diff:   "--- service/shop/cart\n+++ service/shop/cart\n@@ -3,3 +3,3 @@\n   - port: 80\n-    targetPort: 8080\n+    targetPort: 9090\n",
		Before: d.Traces, After: after,
		Refused: []model.Refusal{{Action: "rollback", Rule: "still-fails", Because: "shop.example.com/cart would still fail"}},
		Guards:  []model.GuardResult{{Guard: "owner", Absolute: true, Because: "Service shop/cart is managed by Argo CD"}},
	}
}

// manyRoutes is a broken cluster with more routes than text draws, healthy and half-seen ones among them.
func manyRoutes() model.Diagnosis {
	d := sampleDiagnosis()
	for range 6 {
		d.Traces = append(d.Traces, brokenTrace())
	}
	d.Traces = append(d.Traces, healthyDiagnosis().Traces[0], healthyDiagnosis().Traces[0])
	half := healthyDiagnosis().Traces[0]
	half.Hops[0].Object = ref("Pod", "other")
	half.Hops[1].Verdict = model.Unknown
	half.Hops[2].Object = ref("Service", "web")
	d.Traces = append(d.Traces, half)
	for i := 7; i < 9; i++ {
		d.Traces[i].Hops[2].Object = ref("Service", "web")
	}
	d.Unknown = []model.Unseen{{What: "a.example.com/", Why: "no NetworkPolicies in the dump"}, {What: "Pods", Why: "forbidden"}, {What: "b.example.com/", Why: "no NetworkPolicies in the dump"}}
	return d
}

// loggedDiagnosis has two routes that fail, with the gateways' own lines as proof: one that was parsed
// and one that was not, and a cause at a Deployment, which no path draws.
func loggedDiagnosis() model.Diagnosis {
	const raw = `{"@timestamp":"2026-03-14T11:59:50.242Z","authority":"shop.example.com","bytes_received":0,"bytes_sent":19,` +
		`"downstream_local_address":"10.0.1.13:8080","method":"GET","path":"/cart","protocol":"HTTP/1.1",` +
		`"request_id":"cb55545e-1183-43f1-b10a-379f77de0bdc","response_code":503,"response_flags":"UF","upstream_host":"10.0.3.7:9090"}`
	d := sampleDiagnosis()
	d.Causes[0].ID, d.Causes[0].Object.Ref = "wrong-listen-address", ref("Deployment", "cart")
	d.Causes[0].Summary = "Deployment shop/cart listens on loopback only."
	d.Causes[0].Explains = []string{"shop.example.com/cart: 1 of 400 requests failed"}
	from := "dumps/monday/logs/envoy-shop-74cf_envoy.log:113"
	d.Causes[0].Evidence = []model.Evidence{
		{Kind: "proxy-log", Text: raw, At: noon.Add(-10 * time.Second), Source: from},
		{Kind: "proxy-log", Text: "not parsed: " + raw, At: noon.Add(-24 * time.Hour), Source: "edge/envoy-shop-74cf/envoy"},
		{Kind: "app-log", Text: `{"level":"error","msg":"cannot listen","why":"` + strings.Repeat("no-space-to-wrap-", 12) + `"}`, Source: "shop/cart-1/cart"},
	}
	d.Remedies = nil
	d.Observed = []model.Observation{{
		Route: "shop.example.com/cart", Object: ref("Ingress", "shop"), Proxy: "envoy", Status: 503, Failure: model.Refused,
		Count: 1, Requests: 400, First: noon.Add(-10 * time.Second), Last: noon.Add(-10 * time.Second),
		Samples: []model.Signal{{
			Proxy: "envoy", Source: from, Raw: raw, Access: "the request's own line", Status: 503, Failure: model.Refused, Reason: "UF",
			Request: model.Request{Host: "shop.example.com", Path: "/cart"}, Tries: []model.Try{{Address: "10.0.3.7:9090"}},
		}},
	}, {
		Route: "shop.example.com/pay", Object: ref("Ingress", "shop"), Proxy: "envoy", Status: 504, Failure: model.ResponseTimeout,
		Count: 399, Requests: 400, First: noon.Add(-25 * time.Hour), Last: noon.Add(-2 * time.Minute),
	}}
	d.Traces[0].Predicts = "200"
	for i := range d.Traces[0].Hops {
		d.Traces[0].Hops[i].Verdict, d.Traces[0].Hops[i].Why = model.OK, ""
	}
	d.Traces[0].Endpoints = nil
	d.Unknown = []model.Unseen{{What: "shop.example.com/pay: ", Why: "the NetworkPolicies could not be looked at"}}
	return d
}

// causeless is requests that fail for a reason that is not known.
func causeless() model.Diagnosis {
	d := loggedDiagnosis()
	d.Causes, d.AlsoWrong, d.Remedies = nil, nil, nil
	return d
}

// severalHops is a path on which hops of one kind are broken alike, and say their own names.
func severalHops() model.Diagnosis {
	d := unobserved()
	hops := d.Traces[0].Hops
	hops[2].Why = "Service shop/cart has no port 80"
	hops[3].Verdict, hops[3].Why = model.Suspect, "pod cart-1 (and 1 more): port 8080: nothing listens there"
	hops[4] = hop(model.HopNetworkPolicy, ref("Pod", "cart-1"), model.Broken, "pod cart-1: not admitted")
	hops[5] = hop(model.HopNetworkPolicy, ref("Pod", "cart-2"), model.Broken, "pod cart-2: not admitted")
	return d
}

// oneListener is a Gateway that is at fault for one of its two routes, by which calls of gRPC fail.
func oneListener() model.Diagnosis {
	d := healthyDiagnosis()
	d.Healthy, d.Target = false, model.Target{}
	gateway := ref("Gateway", "shared")
	d.Traces[0].Request.Path, d.Traces[0].Hops[0] = "/pay", hop(model.HopGateway, gateway, model.OK, "")
	failing := brokenTrace()
	failing.Hops = []model.Hop{hop(model.HopGateway, gateway, model.OK, ""), hop(model.HopRule, ref("GRPCRoute", "cart"), model.Broken, "no listener takes it")}
	failing.Endpoints = nil
	d.Traces = append(d.Traces, failing)
	d.Causes = []model.Finding{{
		ID: "gateway-listener-unattached", Object: model.FieldRef{Ref: gateway}, Confidence: 0.97, Summary: "no listener takes GRPCRoute shop/cart",
		Explains: []string{"shop.example.com/cart: 8 of 9 requests failed"},
	}}
	d.Observed = []model.Observation{
		{Route: "shop.example.com/cart", Proxy: "envoy", Status: 200, Failure: model.NoRoute, Count: 7, Requests: 9, First: noon, Last: noon},
		{Route: "shop.example.com/cart", Proxy: "envoy", Status: 404, Failure: model.NoRoute, Count: 1, Requests: 9, First: noon, Last: noon},
	}
	return d
}

// unobserved is a cause found in objects alone, without any log.
func unobserved() model.Diagnosis {
	d := sampleDiagnosis()
	d.Observed, d.Causes[0].Since = nil, time.Time{}
	return d
}
