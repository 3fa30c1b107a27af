package netpol

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

func TestIngress(t *testing.T) {
	gateway := End{
		Pod:       &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "gw", Namespace: "edge", Labels: map[string]string{"app": "gw"}}, Status: corev1.PodStatus{PodIP: "10.1.0.5"}},
		Namespace: map[string]string{"zone": "dmz"},
	}
	backend := End{Pod: &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "cart", Namespace: "shop", Labels: map[string]string{"app": "cart"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}}}}},
	}}
	for _, tt := range []struct {
		name, spec string
		want       bool
		near       string
	}{
		{"no rule admits nothing", `{podSelector: {}, policyTypes: [Ingress]}`, false, ""},
		{"an empty rule admits everything", `{podSelector: {}, ingress: [{}]}`, true, ""},
		{"a policy for other pods", `{podSelector: {matchLabels: {app: web}}}`, true, ""},
		{"a policy for egress alone", `{podSelector: {}, policyTypes: [Egress]}`, true, ""},
		{"the right namespace", `{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {zone: dmz}}}]}]}`, true, ""},
		{"another namespace", `{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {role: gateway}}}]}]}`, false, "spec.ingress[0].from[0].namespaceSelector"},
		{"pods of the policy's own namespace", `{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: gw}}}]}]}`, false, "spec.ingress[0].from[0].podSelector"},
		{"both selectors must fit", `{podSelector: {}, ingress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: other}}}]}]}`, false, "spec.ingress[0].from[0].podSelector"},
		{"two peers are alternatives", `{podSelector: {}, ingress: [{from: [{podSelector: {}}, {namespaceSelector: {}}]}]}`, true, ""},
		{"an address block", `{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.1.0.0/16}}]}]}`, true, ""},
		{"an address block with an exception", `{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.1.0.0/16, except: [10.1.0.0/24]}}]}]}`, false, "spec.ingress[0].from[0].ipBlock.except"},
		{"the port by number", `{podSelector: {}, ingress: [{ports: [{port: 8080}]}]}`, true, ""},
		{"the port by name", `{podSelector: {}, ingress: [{ports: [{port: http}]}]}`, true, ""},
		{"the Service's port instead of the container's", `{podSelector: {}, ingress: [{ports: [{port: 80}]}]}`, false, "spec.ingress[0].ports"},
		{"a range of ports", `{podSelector: {}, ingress: [{ports: [{port: 8000, endPort: 8100}]}]}`, true, ""},
		{"the port for UDP", `{podSelector: {}, ingress: [{ports: [{port: 8080, protocol: UDP}]}]}`, false, "spec.ingress[0].ports"},
		{"any port of TCP", `{podSelector: {}, ingress: [{ports: [{protocol: TCP}]}]}`, true, ""},
		{"one of two rules", `{podSelector: {}, ingress: [{ports: [{port: 1}]}, {ports: [{port: 8080}]}]}`, true, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "shop"}}
			if err := yaml.Unmarshal([]byte(tt.spec), &p.Spec); err != nil {
				t.Fatal(err)
			}
			v := Ingress([]*networkingv1.NetworkPolicy{p}, gateway, backend, 8080)
			if v.Allowed != tt.want || v.NearField != tt.near {
				t.Errorf("allowed %v near %q, want %v near %q (%s)", v.Allowed, v.NearField, tt.want, tt.near, v.Why)
			}
		})
	}
}

func TestNamespaceThatNobodyCouldRead(t *testing.T) {
	from := End{Pod: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "gw", Namespace: "edge"}}, Namespace: map[string]string{corev1.LabelMetadataName: "edge"}, Unread: true}
	to := End{Pod: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "cart", Namespace: "shop"}}}
	for _, tt := range []struct {
		name, spec      string
		allowed, unsure bool
	}{
		{"a label that is not known", `{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {zone: dmz}}}]}]}`, false, true},
		{"its name", `{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: edge}}}]}]}`, true, false},
		{"another's name", `{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}}]}]}`, false, false},
		{"an expression on a label that is not known", `{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchExpressions: [{key: zone, operator: Exists}]}}]}]}`, false, true},
		{"the wrong port whatever the labels", `{podSelector: {}, ingress: [{ports: [{port: 1}], from: [{namespaceSelector: {matchLabels: {zone: dmz}}}]}]}`, false, false},
		{"no rule", `{podSelector: {}, policyTypes: [Ingress]}`, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "shop"}}
			if err := yaml.Unmarshal([]byte(tt.spec), &p.Spec); err != nil {
				t.Fatal(err)
			}
			if v := Ingress([]*networkingv1.NetworkPolicy{p}, from, to, 8080); v.Allowed != tt.allowed || v.Unsure != tt.unsure {
				t.Errorf("allowed %v, unsure %v", v.Allowed, v.Unsure)
			}
		})
	}
}

func TestPoliciesAddUp(t *testing.T) {
	from := End{Pod: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "gw", Namespace: "edge"}}}
	to := End{Pod: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "cart", Namespace: "shop"}}}
	deny := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: "deny", Namespace: "edge"}, Spec: networkingv1.NetworkPolicySpec{PolicyTypes: []networkingv1.PolicyType{"Egress"}}}
	allow := deny.DeepCopy()
	allow.Name, allow.Spec.Egress = "allow", []networkingv1.NetworkPolicyEgressRule{{}}
	if Egress([]*networkingv1.NetworkPolicy{deny}, from, to, 8080).Allowed {
		t.Error("a policy without a rule lets traffic out")
	}
	if !Egress([]*networkingv1.NetworkPolicy{deny, allow}, from, to, 8080).Allowed {
		t.Error("a second policy does not add to the first")
	}
	if !Ingress([]*networkingv1.NetworkPolicy{deny, allow}, from, to, 8080).Allowed {
		t.Error("an egress policy of another namespace closes ingress")
	}
}

func TestEgressIsImpliedByRules(t *testing.T) {
	p := &networkingv1.NetworkPolicy{Spec: networkingv1.NetworkPolicySpec{Egress: []networkingv1.NetworkPolicyEgressRule{{}}}}
	var names []string
	for _, d := range directions(p) {
		names = append(names, string(d))
	}
	if got := strings.Join(names, ","); got != "Ingress,Egress" {
		t.Errorf("directions %s, want Ingress,Egress", got)
	}
}

func TestNamedPorts(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	from := End{Pod: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "gw", Namespace: "edge"}}}
	to := End{Pod: &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "cart", Namespace: "shop"},
		Spec: corev1.PodSpec{
			Containers: []corev1.Container{
				{Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}}},
				{Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8081}, {Name: "dns", ContainerPort: 53, Protocol: corev1.ProtocolUDP}}},
			},
			InitContainers: []corev1.Container{
				{RestartPolicy: &always, Ports: []corev1.ContainerPort{{Name: "proxy", ContainerPort: 15001}}},
				{Ports: []corev1.ContainerPort{{Name: "setup", ContainerPort: 9000}}},
			},
		},
	}}
	for _, tt := range []struct {
		name     string
		port     int32
		protocol corev1.Protocol
		want     bool
	}{
		{"http", 8080, "", true},
		{"http", 8081, "", true},
		{"http", 15001, "", false},
		{"proxy", 15001, "", true},
		{"setup", 9000, "", false},
		{"dns", 53, "", false},
		{"dns", 53, corev1.ProtocolUDP, true},
	} {
		p := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "shop"}}
		spec := `{podSelector: {}, ingress: [{ports: [{port: ` + tt.name + `}, {port: ` + tt.name + `, protocol: UDP}]}]}`
		if err := yaml.Unmarshal([]byte(spec), &p.Spec); err != nil {
			t.Fatal(err)
		}
		to.Protocol = tt.protocol
		if v := Ingress([]*networkingv1.NetworkPolicy{p}, from, to, tt.port); v.Allowed != tt.want {
			t.Errorf("%s as port %d %s: allowed %v", tt.name, tt.port, tt.protocol, v.Allowed)
		}
	}
}

func TestWhichPolicyIsNamed(t *testing.T) {
	gateway := End{
		Pod:       &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "traefik-1", Namespace: "kube-system", Labels: map[string]string{"app.kubernetes.io/name": "traefik"}}},
		Namespace: map[string]string{corev1.LabelMetadataName: "kube-system"},
	}
	backend := End{Pod: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "cart", Namespace: "shop", Labels: map[string]string{"app": "cart"}}}}
	for _, tt := range []struct {
		name, want, field string
		specs             map[string]string
	}{
		{"a default-deny alone", "deny", "", map[string]string{"deny": `{podSelector: {}}`}},
		{"what is for the neighbours leaves the default-deny", "deny", "", map[string]string{
			"deny": `{podSelector: {}}`, "same": `{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}`,
		}},
		{"what is for others and their port leaves the default-deny", "deny", "", map[string]string{
			"deny": `{podSelector: {}}`, "scrape": `{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: sre}}}], ports: [{port: 9090}]}]}`,
		}},
		{"the rule for the port is nearer than one for anything", "web", "spec.ingress[0].from[0].namespaceSelector", map[string]string{
			"deny": `{podSelector: {}}`,
			"same": `{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}`,
			"web":  `{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: edge}}}], ports: [{port: 8080}]}]}`,
		}},
		{"the rule for the gateway is nearer than one for the port", "web", "spec.ingress[0].ports", map[string]string{
			"peer": `{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: shop}}}], ports: [{port: 8080}]}]}`,
			"web":  `{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}], ports: [{port: 80}]}]}`,
		}},
		{"of two peers the one that half fits", "web", "spec.ingress[0].from[1].podSelector", map[string]string{
			"web": `{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: sre}}}, {namespaceSelector: {}, podSelector: {matchLabels: {app: traefik}}}]}]}`,
		}},
		{"a namespace for the gateway, without a port", "web", "spec.ingress[0].from[0].namespaceSelector", map[string]string{
			"deny": `{podSelector: {}}`, "web": `{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {name: traefik}}}]}]}`,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var ps []*networkingv1.NetworkPolicy
			for name, spec := range tt.specs {
				p := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop"}}
				if err := yaml.Unmarshal([]byte(spec), &p.Spec); err != nil {
					t.Fatal(err)
				}
				ps = append(ps, p)
			}
			v := Ingress(ps, gateway, backend, 8080)
			got := Closing(v.Policies, networkingv1.PolicyTypeIngress)
			if v.Near != nil {
				got = v.Near
			}
			if v.Allowed || got.Name != tt.want || v.NearField != tt.field {
				t.Errorf("allowed %v, named %s %q (%s)", v.Allowed, got.Name, v.NearField, v.Why)
			}
		})
	}
}
