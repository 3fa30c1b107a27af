package cilium

import (
	"encoding/json"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/path/netpol"
)

func pod(namespace, name string, labels map[string]string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}}}}},
	}
}

func policy(t testing.TB, namespace, spec string) Policy {
	t.Helper()
	var fields map[string]any
	if err := yaml.Unmarshal([]byte(spec), &fields); err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "spec": fields}}
	u.SetName("p")
	u.SetNamespace(namespace)
	return Read(u)
}

// TestIngress asks whether a gateway gets to a pod of namespace shop, from the examples of docs.cilium.io and the CRD's
// descriptions of its fields.
func TestIngress(t *testing.T) {
	gateway := netpol.End{Pod: pod("edge", "gw", map[string]string{"app": "nginx"}), Namespace: map[string]string{"zone": "dmz"}, IP: "10.0.0.1"}
	node := netpol.End{Pod: gateway.Pod, IP: "192.168.0.7", Host: true}
	own := netpol.End{Ingress: true}
	const cart = "endpointSelector: {matchLabels: {app: cart}}\n"
	for name, tt := range map[string]struct {
		from                   netpol.End
		namespace, spec        string
		closes, admits, denies Answer
	}{
		"other pods":                      {gateway, "shop", "endpointSelector: {matchLabels: {app: other}}\ningress: [{}]", No, No, No},
		"other namespace":                 {gateway, "edge", cart + "ingress: [{}]", No, No, No},
		"the whole cluster":               {gateway, "", cart + "ingress: [{}]", Yes, No, No},
		"its own gateway, by entity":      {own, "shop", cart + "ingress: [{fromEntities: [ingress]}]", Yes, Yes, No},
		"its own gateway, as the cluster": {own, "shop", cart + "ingress: [{fromEntities: [cluster]}]", Yes, Yes, No},
		"its own gateway is no pod":       {own, "shop", cart + "ingress: [{fromEndpoints: [{}]}, {fromEntities: [world, host]}, {fromCIDR: [0.0.0.0/0]}]", Yes, No, No},
		"its own gateway, by its label":   {own, "shop", cart + "ingress: [{fromEndpoints: [{matchLabels: {\"reserved:ingress\": \"\"}}]}]", Yes, Maybe, No},
		"an empty rule admits nothing":    {gateway, "shop", cart + "ingress: [{}]", Yes, No, No},
		"an empty list closes nothing":    {gateway, "shop", cart + "ingress: []\negress: [{}]", No, No, No},
		"no default deny":                 {gateway, "shop", cart + "enableDefaultDeny: {ingress: false}\ningress: [{fromEndpoints: [{matchLabels: {app: other}}]}]", No, No, No},
		"labels of the own namespace":     {gateway, "shop", cart + "ingress: [{fromEndpoints: [{matchLabels: {app: nginx}}]}]", Yes, No, No},
		"any pod of the own namespace":    {gateway, "shop", cart + "ingress: [{fromEndpoints: [{}]}]", Yes, No, No},
		"any pod of the cluster":          {gateway, "", cart + "ingress: [{fromEndpoints: [{}]}]", Yes, Yes, No},
		"labels with the namespace":       {gateway, "shop", cart + "ingress: [{fromEndpoints: [{matchLabels: {k8s:app: nginx, k8s:io.kubernetes.pod.namespace: edge}}]}]", Yes, Yes, No},
		"labels of a namespace":           {gateway, "shop", cart + "ingress: [{fromEndpoints: [{matchLabels: {k8s:io.cilium.k8s.namespace.labels.zone: dmz}}]}]", Yes, Yes, No},
		"an expression":                   {gateway, "shop", cart + "ingress: [{fromEndpoints: [{matchExpressions: [{key: 'k8s:io.kubernetes.pod.namespace', operator: In, values: [edge, web]}]}]}]", Yes, Yes, No},
		"an unknown operator":             {gateway, "shop", cart + "ingress: [{fromEndpoints: [{matchExpressions: [{key: app, operator: Like, values: [nginx]}]}]}]", Yes, Maybe, No},
		"a label of another cluster":      {gateway, "shop", cart + "ingress: [{fromEndpoints: [{matchLabels: {io.cilium.k8s.policy.cluster: east, io.kubernetes.pod.namespace: edge}}]}]", Yes, Maybe, No},
		"a service account":               {gateway, "shop", cart + "ingress: [{fromEndpoints: [{matchLabels: {io.cilium.k8s.policy.serviceaccount: default, io.kubernetes.pod.namespace: edge}}]}]", Yes, Yes, No},
		"the port alone":                  {gateway, "shop", cart + "ingress: [{toPorts: [{ports: [{port: '8080', protocol: TCP}]}]}]", Yes, Yes, No},
		"the port by name":                {gateway, "shop", cart + "ingress: [{toPorts: [{ports: [{port: http}]}]}]", Yes, Yes, No},
		"another port":                    {gateway, "shop", cart + "ingress: [{fromEntities: [cluster], toPorts: [{ports: [{port: '80', protocol: TCP}]}]}]", Yes, No, No},
		"a range of ports":                {gateway, "shop", cart + "ingress: [{toPorts: [{ports: [{port: '8000', endPort: 9000, protocol: ANY}]}]}]", Yes, Yes, No},
		"another protocol":                {gateway, "shop", cart + "ingress: [{toPorts: [{ports: [{port: '8080', protocol: UDP}]}]}]", Yes, No, No},
		"some requests":                   {gateway, "shop", cart + "ingress: [{toPorts: [{ports: [{port: '8080', protocol: TCP}], rules: {http: [{method: GET}]}}]}]", Yes, Maybe, No},
		"pings":                           {gateway, "shop", cart + "ingress: [{icmps: [{fields: [{type: 8}]}]}]", Yes, No, No},
		"all":                             {gateway, "shop", cart + "ingress: [{fromEntities: [all]}]", Yes, Yes, No},
		"the world":                       {gateway, "shop", cart + "ingress: [{fromEntities: [world, host, remote-node, kube-apiserver]}]", Yes, No, No},
		"an unknown entity":               {gateway, "shop", cart + "ingress: [{fromEntities: [moon]}]", Yes, Maybe, No},
		"a block is not for pods":         {gateway, "shop", cart + "ingress: [{fromCIDR: [0.0.0.0/0]}]", Yes, No, No},
		"an unknown form":                 {gateway, "shop", cart + "ingress: [{fromMoons: [{}]}]", Yes, Maybe, No},
		"authentication":                  {gateway, "shop", cart + "ingress: [{fromEntities: [all], authentication: {mode: required}}]", Yes, Maybe, No},
		"a refusal":                       {gateway, "shop", cart + "ingress: [{fromEntities: [all]}]\ningressDeny: [{fromEndpoints: [{matchLabels: {io.kubernetes.pod.namespace: edge}}]}]", Yes, Yes, Yes},
		"a refusal of others":             {gateway, "shop", cart + "ingress: [{fromEntities: [all]}]\ningressDeny: [{fromEntities: [world]}]", Yes, Yes, No},
		"policies for nodes":              {gateway, "", "nodeSelector: {}\ningress: [{}]", No, No, No},
		"a node and the cluster":          {node, "shop", cart + "ingress: [{fromEntities: [cluster]}]", Yes, Yes, No},
		"a node and other nodes":          {node, "shop", cart + "ingress: [{fromEntities: [remote-node]}]", Yes, Yes, No},
		"a node and labels":               {node, "shop", cart + "ingress: [{fromEndpoints: [{matchLabels: {app: nginx, io.kubernetes.pod.namespace: edge}}]}]", Yes, No, No},
		"a node and its label":            {node, "shop", cart + "ingress: [{fromEndpoints: [{matchLabels: {'reserved:remote-node': ''}}]}]", Yes, Maybe, No},
		"a node and a block of it":        {node, "shop", cart + "ingress: [{fromCIDRSet: [{cidr: 192.168.0.0/16}]}]", Yes, Maybe, No},
		"a node and a block without it":   {node, "shop", cart + "ingress: [{fromCIDRSet: [{cidr: 192.168.0.0/16, except: [192.168.0.0/24]}]}]", Yes, No, No},
		"not of the form":                 {gateway, "shop", "endpointSelector: 3\ningress: 4", No, No, No},
		"lists that are none":             {gateway, "shop", cart + "ingress: [3, {fromEndpoints: 4}]", Yes, Maybe, No},
	} {
		t.Run(name, func(t *testing.T) {
			to := netpol.End{Pod: pod("shop", "cart", map[string]string{"app": "cart"})}
			v := Ingress([]Policy{policy(t, tt.namespace, tt.spec)}, tt.from, to, 8080)
			if v.Closes != tt.closes || v.Admits != tt.admits || v.Denies != tt.denies {
				t.Errorf("closes, admits, denies = %d %d %d, want %d %d %d", v.Closes, v.Admits, v.Denies, tt.closes, tt.admits, tt.denies)
			}
			if (v.Closes == Yes || v.Denies == Yes) && v.Policy == nil {
				t.Error("no policy is named")
			}
			if v.Admits == Maybe && v.Doubt == nil {
				t.Error("no doubt is named")
			}
		})
	}
}

// TestEgress asks whether a pod may leave, also to what is no pod.
func TestEgress(t *testing.T) {
	from := netpol.End{Pod: pod("shop", "cart", map[string]string{"app": "cart"})}
	outside := netpol.End{IP: "203.0.113.9"}
	db := netpol.End{Pod: pod("shop", "db", map[string]string{"app": "db"}), IP: "10.0.0.9"}
	for name, tt := range map[string]struct {
		to             netpol.End
		egress         string
		closes, admits Answer
	}{
		"a pod by its labels": {db, "[{toEndpoints: [{matchLabels: {app: db}}]}]", Yes, Yes},
		"another pod":         {db, "[{toEndpoints: [{matchLabels: {app: cache}}]}]", Yes, No},
		"a Service":           {db, "[{toServices: [{k8sService: {serviceName: db}}]}]", Yes, Maybe},
		"the world":           {outside, "[{toEntities: [world]}]", Yes, Yes},
		"the world is no pod": {db, "[{toEntities: [world]}]", Yes, No},
		"an address":          {outside, "[{toCIDR: [203.0.113.0/24]}]", Yes, Yes},
		"another address":     {outside, "[{toCIDR: [198.51.100.0/24]}]", Yes, No},
		"a name":              {outside, "[{toFQDNs: [{matchName: api.example}]}]", Yes, Maybe},
		"a name is no pod":    {db, "[{toFQDNs: [{matchName: api.example}]}]", Yes, No},
		"a group of blocks":   {outside, "[{toCIDRSet: [{cidrGroupRef: cdn}]}]", Yes, Maybe},
		"nothing":             {outside, "[{}]", Yes, No},
	} {
		t.Run(name, func(t *testing.T) {
			v := Egress([]Policy{policy(t, "shop", "endpointSelector: {}\negress: "+tt.egress)}, from, tt.to, 5432)
			if v.Closes != tt.closes || v.Admits != tt.admits {
				t.Errorf("closes, admits = %d %d, want %d %d", v.Closes, v.Admits, tt.closes, tt.admits)
			}
		})
	}
}

// TestInvalid: Cilium does not enforce what it says is invalid.
func TestInvalid(t *testing.T) {
	u := &unstructured.Unstructured{Object: map[string]any{
		"spec":   map[string]any{"endpointSelector": map[string]any{}, "ingress": []any{map[string]any{}}},
		"status": map[string]any{"conditions": []any{map[string]any{"type": "Valid", "status": "False"}}},
	}}
	u.SetNamespace("shop")
	if v := Ingress([]Policy{Read(u)}, netpol.End{}, netpol.End{Pod: pod("shop", "cart", nil)}, 8080); v.Closes != No {
		t.Error("an invalid policy closes a pod")
	}
}

// FuzzIngress: whatever a policy holds, it is judged without panic, and what shuts a pod is named.
func FuzzIngress(f *testing.F) {
	f.Add(`{"endpointSelector":{"matchLabels":{"app":"cart"}},"ingress":[{"fromEndpoints":[{"matchLabels":{"k8s:app":"nginx"}}],"toPorts":[{"ports":[{"port":"80","endPort":90}]}]}]}`)
	f.Add(`{"endpointSelector":{},"ingress":[{"fromCIDRSet":[{"cidr":"::/0","except":["x"]}],"fromRequires":[{}]}],"ingressDeny":[{"fromEntities":["world"]}],"enableDefaultDeny":{"ingress":false}}`)
	f.Fuzz(func(t *testing.T, spec string) {
		var fields map[string]any
		if json.Unmarshal([]byte(spec), &fields) != nil {
			return
		}
		u := &unstructured.Unstructured{Object: map[string]any{"spec": fields}}
		u.SetNamespace("shop")
		v := Ingress([]Policy{Read(u)}, netpol.End{IP: "10.0.0.1"}, netpol.End{Pod: pod("shop", "cart", map[string]string{"app": "cart"})}, 80)
		if (v.Closes == Yes || v.Denies == Yes) && (v.Policy == nil || v.Field == "") {
			t.Errorf("%s shuts the pod, and no rule is named", spec)
		}
	})
}
