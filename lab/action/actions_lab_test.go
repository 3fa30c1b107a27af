//go:build lab

package action_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/remedy"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/lab/gateway/contour"
	"github.com/gatemend/gatemend/lab/manifest"
)

const (
	container  = "spec.template.spec.containers[0]"
	gatewayAPI = "gateway.networking.k8s.io/v1"
)

// on is a finding of high confidence on a route of the shop. related are triples of role, kind and name.
func on(id model.CauseID, object model.Ref, field, wanted string, route model.Ref, related ...string) model.Finding {
	f := model.Finding{
		ID: id, Confidence: 0.97, Wanted: wanted, Object: model.FieldRef{Ref: object, Field: field},
		Routes: []model.Ref{route}, Related: map[string]model.Ref{},
	}
	versions := map[string]string{"Deployment": "apps/v1", "Service": "v1"}
	for i := 0; i+2 < len(related); i += 3 {
		f.Related[related[i]] = ref(versions[related[i+1]], related[i+1], related[i+2])
	}
	return f
}

func ref(apiVersion, kind, name string) model.Ref {
	return model.Ref{APIVersion: apiVersion, Kind: kind, Namespace: manifest.Namespace, Name: name}
}

func deploymentRef(role string) model.Ref { return ref("apps/v1", "Deployment", role) }

func ingressRef(role string) model.Ref { return ref("networking.k8s.io/v1", "Ingress", role) }

// finds is a finding that does not depend on the cluster.
func finds(f model.Finding) func(*testing.T, *bench) model.Finding {
	return func(*testing.T, *bench) model.Finding { return f }
}

// rolled gives a part of the shop another template and waits until it serves.
func rolled(role string, change func(*appsv1.Deployment)) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		d := manifest.Deployment(role)
		change(d)
		if err := b.Client.Replace(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		if err := b.Client.RolledOut(t.Context(), manifest.Namespace, role); err != nil {
			t.Fatal(err)
		}
		if err := b.Client.Endpoints(t.Context(), role, int(*d.Spec.Replicas)); err != nil {
			t.Fatal(err)
		}
	}
}

// applied brings objects, and takes them away after the test.
func applied(objects ...string) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		var all []runtime.Object
		for _, o := range objects {
			all = append(all, object(t, o))
		}
		if err := b.Client.Apply(t.Context(), all...); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := b.Client.Delete(context.WithoutCancel(t.Context()), all...); err != nil {
				t.Error(err)
			}
		})
	}
}

func unchanged(*appsv1.Deployment) {}

// actions are the repairs that are tried, on each part of the shop one after the other.
func actions() []action {
	web, cart, api := manifest.Web, manifest.Cart, manifest.API
	return []action{
		{
			name: "quarantine", want: "quarantine", role: web, breaks: rolled(web, unchanged),
			finding: finds(on("app-error", deploymentRef(web), "", "", ingressRef(web), "workload", "Deployment", web, "service", "Service", web)),
			observed: func(t *testing.T, b *bench) []model.Observation {
				return []model.Observation{{
					Route: manifest.Host(web) + "/", Object: ingressRef(web), Proxy: "nginx", Status: 500, Failure: model.UpstreamStatus,
					Count: 40, Requests: 80, Upstreams: []string{b.pods(t, web)[0].Status.PodIP + ":8080"},
				}}
			},
			works: quarantined,
		},
		{
			name: "scale-by-autoscaler", want: "scale", role: cart,
			breaks: applied(`
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: cart, namespace: shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: cart}
  minReplicas: 2
  maxReplicas: 2
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]`),
			finding: finds(on("autoscaler-at-limit", ref("autoscaling/v2", "HorizontalPodAutoscaler", cart), "spec.maxReplicas", "", ingressRef(cart), "workload", "Deployment", cart, "service", "Service", cart)),
			works: func(b *bench, _ model.Plan) string {
				hpa, err := b.Client.Kube.AutoscalingV2().HorizontalPodAutoscalers(manifest.Namespace).Get(context.Background(), cart, metav1.GetOptions{})
				if err != nil || hpa.Spec.MaxReplicas != 3 {
					return fmt.Sprintf("at most %v replicas, %v", hpa.Spec.MaxReplicas, err)
				}
				return ""
			},
		},
		{
			name: "stop-experiment", want: "stop-experiment", role: cart,
			breaks: func(t *testing.T, b *bench) {
				applied(experiment)(t, b)
				b.Await(t, "the experiment to be seen", time.Minute, func() bool { return b.experiment() != nil })
			},
			finding: finds(on("fault-injection-active", ref("chaos-mesh.org/v1alpha1", "PodChaos", "kill"), "spec", "", ingressRef(cart), "workload", "Deployment", cart, "service", "Service", cart)),
			works: func(b *bench, _ model.Plan) string {
				if o := b.experiment(); o == nil || o.GetAnnotations()["experiment.chaos-mesh.org/pause"] != "true" {
					return "it is not paused"
				}
				return ""
			},
		},
		{
			name: "patch-networkpolicy", want: "patch-networkpolicy", role: cart,
			breaks: applied(`
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: cart, namespace: shop}
spec:
  podSelector: {matchLabels: {app: cart}}
  policyTypes: [Ingress]
  ingress: [{from: [{namespaceSelector: {matchLabels: {team: nobody}}}]}]`),
			finding: finds(on("networkpolicy-blocks-ingress", ref("networking.k8s.io/v1", "NetworkPolicy", cart), "spec.ingress[0].from[0].namespaceSelector", "", ingressRef(cart), "service", "Service", cart)),
			works: func(b *bench, _ model.Plan) string {
				np, err := b.Client.Kube.NetworkingV1().NetworkPolicies(manifest.Namespace).Get(context.Background(), cart, metav1.GetOptions{})
				if err != nil || len(np.Spec.Ingress) != 2 || len(np.Spec.Ingress[1].Ports) != 1 || np.Spec.Ingress[1].Ports[0].Port.IntValue() != 8080 {
					return fmt.Sprintf("%+v, %v", np.Spec, err)
				}
				return ""
			},
		},
		{
			name: "add-referencegrant", want: "add-referencegrant", role: cart,
			breaks: func(t *testing.T, b *bench) {
				applied("apiVersion: v1\nkind: Namespace\nmetadata: {name: front}", frontRoute)(t, b)
				b.Await(t, "the route to be refused its backend", 30*time.Second, func() bool { return b.resolved("False") })
			},
			finding: finds(on("refgrant-missing", frontRef(), "spec.rules[0].backendRefs[0].namespace", "", frontRef())),
			works: func(b *bench, _ model.Plan) string {
				if !b.resolved("True") {
					return "its references do not resolve"
				}
				return ""
			},
		},
		{
			name: "patch-gateway-listener", want: "patch-gateway-listener", role: cart, breaks: sameNamespace,
			finding: finds(on("gateway-listener-unattached", model.Ref{APIVersion: gatewayAPI, Kind: "Gateway", Namespace: contour.Namespace, Name: contour.GatewayName}, "spec.listeners[0].allowedRoutes.namespaces.from", "", ref(gatewayAPI, "HTTPRoute", "cart-gw"))),
			works: func(b *bench, _ model.Plan) string {
				r, presence := b.watch.Snapshot().HTTPRoutes().Get(manifest.Namespace, "cart-gw")
				for _, parent := range r.Status.Parents {
					for _, c := range parent.Conditions {
						if c.Type == "Accepted" && c.Status == metav1.ConditionTrue {
							return ""
						}
					}
				}
				return fmt.Sprintf("the route is not accepted: %v %+v", presence, r.Status)
			},
		},
		{
			name: "startup-probe", want: "patch-probe", role: api, breaks: rolled(api, unchanged),
			finding: finds(on("startup-too-slow", deploymentRef(api), container+".livenessProbe", "", ingressRef(api))),
			works: func(b *bench, _ model.Plan) string {
				for _, p := range b.running(api) {
					if c := p.Spec.Containers[0]; c.StartupProbe == nil || p.Status.ContainerStatuses[0].Started == nil || !*p.Status.ContainerStatuses[0].Started {
						return "a pod has no startupProbe, or has not passed it"
					}
				}
				return ""
			},
		},
		{
			name: "patch-strategy", want: "patch-strategy", role: api,
			breaks: rolled(api, func(d *appsv1.Deployment) {
				d.Spec.Strategy = appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType}
			}),
			finding: finds(on("rollout-recreate-gap", deploymentRef(api), "spec.strategy.type", `"RollingUpdate"`, ingressRef(api), "workload", "Deployment", api, "service", "Service", api)),
			works: func(b *bench, _ model.Plan) string {
				for _, p := range b.running(api) {
					if p.Annotations[remedy.RestartedAt] == "" {
						return "a pod is of the rollout before"
					}
				}
				return ""
			},
		},
		{
			name: "restart", want: "restart", role: api, breaks: oneUnready,
			finding: finds(on("app-workers-exhausted", deploymentRef(api), "", "", ingressRef(api), "workload", "Deployment", api, "service", "Service", api)),
			works: func(b *bench, p model.Plan) string {
				for _, pod := range b.running(api) {
					if pod.Name == p.Remedy.Change.Target.Name {
						return pod.Name + " is still there"
					}
				}
				return ""
			},
		},
	}
}

// pods are the running pods of a part of the shop that its Service selects.
func (b *bench) pods(t *testing.T, role string) []corev1.Pod {
	t.Helper()
	all := b.running(role)
	if len(all) == 0 {
		t.Fatalf("%s has no pods", role)
	}
	return all
}

func (b *bench) running(role string) []corev1.Pod {
	list, err := b.Client.Kube.CoreV1().Pods(manifest.Namespace).List(context.Background(), metav1.ListOptions{LabelSelector: "app=" + role})
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(list.Items, func(p corev1.Pod) bool { return p.DeletionTimestamp != nil })
}

// quarantined wants the pod out of service, alive, and another one in its place.
func quarantined(b *bench, p model.Plan) string {
	away := p.Remedy.Change.Target.Name
	pod, err := b.Client.Kube.CoreV1().Pods(manifest.Namespace).Get(context.Background(), away, metav1.GetOptions{})
	if err != nil || pod.Labels[remedy.QuarantineLabel] == "" || len(pod.OwnerReferences) > 0 {
		return fmt.Sprintf("it is not set apart: %v", err)
	}
	list, err := b.Client.Kube.DiscoveryV1().EndpointSlices(manifest.Namespace).List(context.Background(), metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=" + manifest.Web})
	if err != nil {
		return err.Error()
	}
	ready := 0
	for _, s := range list.Items {
		for _, e := range s.Endpoints {
			if e.TargetRef != nil && e.TargetRef.Name == away {
				return "it is still an endpoint"
			}
			if e.Conditions.Ready != nil && *e.Conditions.Ready {
				ready++
			}
		}
	}
	if ready != 2 {
		return fmt.Sprintf("%d endpoints are ready", ready)
	}
	return ""
}

// oneUnready gives the pods of the shop's API a readiness gate, which is opened for all but one of the first two.
func oneUnready(t *testing.T, b *bench) {
	const gate = "lab.test/open"
	d := manifest.Deployment(manifest.API)
	d.Spec.Template.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: gate}}
	if err := b.Client.Replace(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	shut, done := "", make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	open := func() (ready int) {
		for _, p := range b.running(manifest.API) {
			if len(p.Spec.ReadinessGates) == 0 || p.Name == shut {
				continue
			}
			patch := fmt.Sprintf(`{"status":{"conditions":[{"type":%q,"status":"True"}]}}`, gate)
			if _, err := b.Client.Kube.CoreV1().Pods(manifest.Namespace).Patch(ctx, p.Name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{}, "status"); err == nil {
				ready++
			}
		}
		return ready
	}
	b.Await(t, "a rollout with gates", time.Minute, func() bool {
		open()
		d, err := b.Client.Kube.AppsV1().Deployments(manifest.Namespace).Get(ctx, manifest.API, metav1.GetOptions{})
		return err == nil && d.Status.ObservedGeneration == d.Generation && d.Status.UpdatedReplicas == 2 && d.Status.AvailableReplicas == 2 && d.Status.Replicas == 2
	})
	shut = b.pods(t, manifest.API)[0].Name
	patch := fmt.Sprintf(`{"status":{"conditions":[{"type":%q,"status":"False"}]}}`, gate)
	if _, err := b.Client.Kube.CoreV1().Pods(manifest.Namespace).Patch(ctx, shut, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
	b.Await(t, "one pod that is not ready", 30*time.Second, func() bool {
		pod, presence := b.watch.Snapshot().Pods().Get(manifest.Namespace, shut)
		return presence == snapshot.Present && !remedy.Serving(pod)
	})
	go func() { // whoever opens gates does so for the pod that takes its place
		defer close(done)
		for ctx.Err() == nil {
			open()
			time.Sleep(200 * time.Millisecond)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}

func frontRef() model.Ref {
	return model.Ref{APIVersion: gatewayAPI, Kind: "HTTPRoute", Namespace: "front", Name: "cart-front"}
}

const frontRoute = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: cart-front, namespace: front}
spec:
  parentRefs: [{name: shop, namespace: projectcontour}]
  hostnames: [cart-front.shop.test]
  rules: [{matches: [{path: {type: PathPrefix, value: /}}], backendRefs: [{name: cart, namespace: shop, port: 80}]}]`

// resolved reports whether the gateway's controller says so of the front's references.
func (b *bench) resolved(status string) bool {
	r, presence := b.watch.Snapshot().HTTPRoutes().Get("front", "cart-front")
	if presence != snapshot.Present {
		return false
	}
	for _, parent := range r.Status.Parents {
		for _, c := range parent.Conditions {
			if c.Type == "ResolvedRefs" && string(c.Status) == status {
				return true
			}
		}
	}
	return false
}

// sameNamespace shuts the Gateway to routes of other namespaces.
func sameNamespace(t *testing.T, b *bench) {
	set := func(ctx context.Context, from string) error {
		patch := fmt.Sprintf(`[{"op":"replace","path":"/spec/listeners/0/allowedRoutes/namespaces","value":{"from":%q}}]`, from)
		_, err := b.clients.Dynamic.Resource(schema.GroupVersionResource{Group: gatewayv1.GroupName, Version: "v1", Resource: "gateways"}).Namespace(contour.Namespace).Patch(ctx, contour.GatewayName, types.JSONPatchType, []byte(patch), metav1.PatchOptions{})
		return err
	}
	if err := set(t.Context(), "Same"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := set(context.WithoutCancel(t.Context()), "All"); err != nil {
			t.Error(err)
		}
	})
	b.Await(t, "the route to be refused", 30*time.Second, func() bool {
		r, _ := b.watch.Snapshot().HTTPRoutes().Get(manifest.Namespace, "cart-gw")
		return r != nil && slices.ContainsFunc(r.Status.Parents, func(p gatewayv1.RouteParentStatus) bool {
			return slices.ContainsFunc(p.Conditions, func(c metav1.Condition) bool {
				return c.Type == "Accepted" && c.Status == metav1.ConditionFalse && strings.Contains(c.Reason, "Allowed")
			})
		})
	})
}

const experiment = `
apiVersion: chaos-mesh.org/v1alpha1
kind: PodChaos
metadata: {name: kill, namespace: shop}
spec: {action: pod-failure, mode: all, selector: {namespaces: [shop], labelSelectors: {app: cart}}}`

// experiment is that object as gatemend sees it, nil if it does not.
func (b *bench) experiment() metav1.Object {
	for o := range b.watch.Snapshot().Others().In(manifest.Namespace) {
		if o.GetKind() == "PodChaos" {
			return o
		}
	}
	return nil
}

// chaosKind is a kind of experiments, as Chaos Mesh has it, without Chaos Mesh.
const chaosKind = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: podchaos.chaos-mesh.org}
spec:
  group: chaos-mesh.org
  scope: Namespaced
  names: {kind: PodChaos, listKind: PodChaosList, singular: podchaos, plural: podchaos}
  versions: [{name: v1alpha1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]`
