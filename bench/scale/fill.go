package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/gatemend/gatemend/api/v1alpha1"
)

// gatewaySpace is the namespace of the Gateway.
const gatewaySpace = "gateways"

func scheme() *runtime.Scheme {
	s := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(s), gatewayv1.Install(s), v1alpha1.AddToScheme(s)); err != nil {
		panic(err) // types that are compiled in
	}
	return s
}

// parallel does something n times, many at once.
func parallel(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	const atOnce = 64
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i := range n {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error { return do(ctx, i) })
	}
	return g.Wait()
}

// fill makes all objects, as they are when every pod runs and every Service has its endpoints, starts the controllers, and
// waits until they and the API server know them.
func (p *plane) fill(ctx context.Context) error {
	s := p.bench.size
	for i := range s.services {
		p.apps = append(p.apps, s.app(i))
	}
	began := time.Now()
	if err := p.fillFrame(ctx); err != nil {
		return err
	}
	to := p.newStore()
	defer to.close()
	const atOnce = 100 // etcd takes 128 operations in a transaction
	err := parallel(ctx, (s.nodes+atOnce-1)/atOnce, func(ctx context.Context, i int) error {
		var records []record
		for j := i * atOnce; j < min(s.nodes, (i+1)*atOnce); j++ {
			r, err := to.encode("minions", s.node(j))
			if err != nil {
				return err
			}
			records = append(records, r)
		}
		return to.put(ctx, records)
	})
	if err != nil {
		return fmt.Errorf("make nodes: %w", err)
	}
	if err := parallel(ctx, s.services, func(ctx context.Context, i int) error { return p.fillApp(ctx, to, p.apps[i]) }); err != nil {
		return fmt.Errorf("make apps: %w", err)
	}
	p.bench.logf("%d nodes, %d Services, routes and ReplicaSets, %d pods after %s", s.nodes, s.services, s.pods(), time.Since(began).Round(time.Second))
	if err := p.awaitStored(ctx); err != nil {
		return err
	}
	if err := p.startControllers(ctx); err != nil {
		return err
	}
	if err := p.awaitReplacement(ctx); err != nil {
		return err
	}
	p.bench.logf("controllers have caught up after %s", time.Since(began).Round(time.Second))
	return nil
}

// fillFrame makes what all apps need.
func (p *plane) fillFrame(ctx context.Context) error {
	names := []string{gatewaySpace, "gatemend", deathSpace}
	for i := range p.bench.size.namespaces {
		names = append(names, namespace(i))
	}
	err := parallel(ctx, len(names), func(ctx context.Context, i int) error {
		_, err := p.kube.CoreV1().Namespaces().Create(ctx, namespaceOf(names[i]), metav1.CreateOptions{})
		return err
	})
	if err != nil {
		return fmt.Errorf("make namespaces: %w", err)
	}
	class := &networkingv1.IngressClass{ObjectMeta: metav1.ObjectMeta{Name: "nginx"}, Spec: networkingv1.IngressClassSpec{Controller: "k8s.io/ingress-nginx"}}
	if _, err := p.kube.NetworkingV1().IngressClasses().Create(ctx, class, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("make an IngressClass: %w", err)
	}
	gc := &gatewayv1.GatewayClass{ObjectMeta: metav1.ObjectMeta{Name: "envoy"}}
	gc.Spec.ControllerName = "gateway.envoyproxy.io/gatewayclass-controller"
	gw := &gatewayv1.Gateway{ObjectMeta: metav1.ObjectMeta{Namespace: gatewaySpace, Name: "public"}}
	gw.Spec.GatewayClassName = "envoy"
	everywhere := gatewayv1.NamespacesFromAll
	gw.Spec.Listeners = []gatewayv1.Listener{{Name: "http", Port: 80, Protocol: gatewayv1.HTTPProtocolType, AllowedRoutes: &gatewayv1.AllowedRoutes{Namespaces: &gatewayv1.RouteNamespaces{From: &everywhere}}}}
	if err := errors.Join(p.client.Create(ctx, gc), p.client.Create(ctx, gw)); err != nil {
		return fmt.Errorf("make a Gateway: %w", err)
	}
	// Envoy Gateway's controller does not run: what it would say of them is said here.
	gc.Status.Conditions = holds(string(gatewayv1.GatewayClassConditionStatusAccepted))
	gw.Status.Conditions = holds(string(gatewayv1.GatewayConditionAccepted), string(gatewayv1.GatewayConditionProgrammed))
	address := gatewayv1.IPAddressType
	gw.Status.Addresses = []gatewayv1.GatewayStatusAddress{{Type: &address, Value: "192.0.2.1"}}
	gw.Status.Listeners = []gatewayv1.ListenerStatus{{
		Name: "http", AttachedRoutes: int32(p.bench.size.services / 2), SupportedKinds: []gatewayv1.RouteGroupKind{{Kind: "HTTPRoute"}},
		Conditions: holds(string(gatewayv1.ListenerConditionAccepted), string(gatewayv1.ListenerConditionProgrammed), string(gatewayv1.ListenerConditionResolvedRefs)),
	}}
	if err := errors.Join(p.client.Status().Update(ctx, gc), p.client.Status().Update(ctx, gw)); err != nil {
		return fmt.Errorf("accept a Gateway: %w", err)
	}
	return nil
}

// holds are conditions that are true.
func holds(conditions ...string) []metav1.Condition {
	var out []metav1.Condition
	for _, c := range conditions {
		out = append(out, metav1.Condition{Type: c, Status: metav1.ConditionTrue, ObservedGeneration: 1, LastTransitionTime: metav1.Now(), Reason: c})
	}
	return out
}

// fillApp makes one app.
func (p *plane) fillApp(ctx context.Context, to store, a app) error {
	s := p.bench.size
	rs := a.replicaSet(s.podsOfEach)
	stamp(rs, "ReplicaSet")
	svc := a.service()
	slice := a.endpoints(svc)
	type stored struct {
		prefix string
		object client.Object
	}
	all := []stored{{"services/specs", svc}, {"replicasets", rs}, {"endpointslices", slice}}
	if a.number%2 == 0 {
		all = append(all, stored{"ingress", a.ingress()})
	} else {
		all = append(all, stored{"gateway.networking.k8s.io/httproutes", a.httpRoute()})
	}
	for j := range s.podsOfEach {
		name := fmt.Sprintf("%s-%05d", rs.Name, j)
		pod := a.pod(name, s.nodeOf(name), rs.UID)
		a.running(pod, j)
		slice.Endpoints = append(slice.Endpoints, endpointOf(pod))
		all = append(all, stored{"pods", pod})
	}
	var records []record
	for _, one := range all {
		if one.object.GetUID() == "" {
			stamp(one.object, one.prefix)
		}
		r, err := to.encode(one.prefix, one.object)
		if err != nil {
			return err
		}
		records = append(records, r)
	}
	return to.put(ctx, records)
}

// makePod makes a pod of an app on some node.
func (p *plane) makePod(ctx context.Context, a app, name string, owner metav1.Object) error {
	_, err := p.kube.CoreV1().Pods(a.namespace).Create(ctx, a.pod(name, p.bench.size.nodeOf(name), owner.GetUID()), metav1.CreateOptions{})
	return err
}

// caughtUp is how long the API server and the controllers may take until they know what there is.
const caughtUp = 10 * time.Minute

// awaitStored waits until the API server's cache, from which watchers are served, has the last app and all nodes.
func (p *plane) awaitStored(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, caughtUp, fmt.Errorf("the API server does not serve all objects after %s", caughtUp))
	defer cancel()
	a, cached := p.apps[len(p.apps)-1], metav1.ListOptions{ResourceVersion: "0"}
	for {
		nodes, err := p.kube.CoreV1().Nodes().List(ctx, cached)
		if err != nil {
			return fmt.Errorf("wait for nodes: %w", err)
		}
		pods, err := p.kube.CoreV1().Pods(a.namespace).List(ctx, metav1.ListOptions{ResourceVersion: "0", LabelSelector: a.selector()})
		if err != nil {
			return fmt.Errorf("wait for pods: %w", err)
		}
		if len(nodes.Items) == p.bench.size.nodes && len(pods.Items) == p.bench.size.podsOfEach {
			return nil
		}
		if err := sleep(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

// awaitReplacement replaces a pod of the last app and waits until the new one is an endpoint: kwok and the endpoint
// controller have then read all that there is.
func (p *plane) awaitReplacement(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, caughtUp, fmt.Errorf("a new pod is no endpoint after %s", caughtUp))
	defer cancel()
	a := p.apps[len(p.apps)-1]
	if err := p.replace(ctx, a, 0); err != nil {
		return fmt.Errorf("replace a pod: %w", err)
	}
	for {
		if err := p.died(); err != nil {
			return err
		}
		list, err := p.kube.DiscoveryV1().EndpointSlices(a.namespace).List(ctx, metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=" + a.name})
		if err != nil {
			return fmt.Errorf("wait for endpoints: %w", err)
		}
		for _, es := range list.Items {
			if slices.ContainsFunc(es.Endpoints, isReplacement) {
				return nil
			}
		}
		if err := sleep(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

// isReplacement is whether an endpoint is the first new pod, and ready.
func isReplacement(e discoveryv1.Endpoint) bool {
	return e.TargetRef != nil && strings.HasSuffix(e.TargetRef.Name, replacement(0)) && e.Conditions.Ready != nil && *e.Conditions.Ready
}
