package plantest

// rollouts are faults of Argo's Rollouts: a canary whose last step is a pause, and one that takes its template from a
// Deployment and has just moved all requests.
func rollouts() []Fault {
	crash := Finding("container-crashloop", "Rollout", "cart", Container, "", "goodRevision", "ReplicaSet", "cart-1", "service", "Service", "cart")
	return []Fault{
		{Name: "argo-canary", Break: func(c *Cluster) {
			byArgo(c)
			c.Delete("Deployment/cart")
			c.Apply(argoCanary)
		}, Finding: crash},
		{Name: "argo-workload-ref", Break: func(c *Cluster) {
			byArgo(c)
			c.Edit("Deployment/cart", 0, "spec", "replicas")
			c.Edit("Deployment/cart", 1, "metadata", "generation")
			c.Edit("Deployment/cart", map[string]any{"observedGeneration": 1}, "status")
			c.Edit("Service/cart", "h2", "spec", "selector", "rollouts-pod-template-hash")
			c.Apply(argoBlueGreen)
		}, Finding: crash},
	}
}

// byArgo gives the ReplicaSets and pods of the cart to a Rollout, whose newest revision does not start.
func byArgo(c *Cluster) {
	Unready(c)
	Revision(c, []any{map[string]any{"name": "MODE", "value": "x"}}, "env")
	owner := []any{map[string]any{"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "cart", "uid": "ro-cart", "controller": true}}
	for name, hash := range map[string]string{"ReplicaSet/cart-1": "h1", "ReplicaSet/cart-2": "h2", "Pod/cart-2-0": "h2", "Pod/cart-2-1": "h2"} {
		labels := map[string]any{"app": "cart", "rollouts-pod-template-hash": hash}
		c.Edit(name, labels, "metadata", "labels")
		if name[0] == 'P' {
			continue
		}
		c.Edit(name, owner, "metadata", "ownerReferences")
		c.Edit(name, map[string]any{"rollout.argoproj.io/revision": hash[1:]}, "metadata", "annotations")
		c.Edit(name, labels, "spec", "selector", "matchLabels")
		c.Edit(name, labels, "spec", "template", "metadata", "labels")
		// What the API server adds to a ReplicaSet, and not to a custom resource.
		c.Edit(name, "/dev/termination-log", "spec", "template", "spec", "containers", 0, "terminationMessagePath")
		c.Edit(name, 30, "spec", "template", "spec", "terminationGracePeriodSeconds")
	}
}

const argoCanary = `
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: cart, namespace: shop, uid: ro-cart, generation: 1, resourceVersion: "95"}
spec:
  replicas: 2
  selector: {matchLabels: {app: cart}}
  strategy: {canary: {steps: [{setWeight: 100}, {pause: {}}]}}
  template:
    metadata: {labels: {app: cart}}
    spec:
      containers:
      - name: cart
        image: shop:v2
        env: [{name: MODE, value: x}]
        ports: [{name: http, containerPort: 8080}]
        readinessProbe: {httpGet: {path: /readyz, port: 8080}, periodSeconds: 1}
        resources: {limits: {memory: 128Mi}}
status: {observedGeneration: "1", phase: Progressing, stableRS: h1, currentPodHash: h2, replicas: 2, updatedReplicas: 2}
`

const argoBlueGreen = `
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: cart, namespace: shop, uid: ro-cart, generation: 1, resourceVersion: "96"}
spec:
  replicas: 2
  selector: {matchLabels: {app: cart}}
  strategy: {blueGreen: {activeService: cart, postPromotionAnalysis: {templates: [{templateName: errors}]}}}
  workloadRef: {apiVersion: apps/v1, kind: Deployment, name: cart, scaleDown: onsuccess}
status: {observedGeneration: "1", workloadObservedGeneration: "1", phase: Progressing, stableRS: h1, currentPodHash: h2, replicas: 2, updatedReplicas: 2}
`
