package plantest

// nginx is the gateway itself.
const nginx = `
apiVersion: v1
kind: Namespace
metadata: {name: ingress-nginx, labels: {kubernetes.io/metadata.name: ingress-nginx}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: nginx, namespace: ingress-nginx, uid: d-nginx, resourceVersion: "50"}
spec:
  replicas: 1
  selector: {matchLabels: {app.kubernetes.io/name: ingress-nginx, app.kubernetes.io/component: controller}}
  template:
    metadata: {labels: {app.kubernetes.io/name: ingress-nginx, app.kubernetes.io/component: controller}}
    spec:
      containers: [{name: controller, image: "registry.k8s.io/ingress-nginx/controller:v1.13.0", args: [/nginx-ingress-controller]}]
status: {replicas: 1, readyReplicas: 1, availableReplicas: 1}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata:
  name: nginx-1
  namespace: ingress-nginx
  uid: r-nginx-1
  annotations: {deployment.kubernetes.io/revision: "1"}
  ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: nginx, uid: d-nginx, controller: true}]
spec:
  replicas: 1
  selector: {matchLabels: {app.kubernetes.io/name: ingress-nginx, app.kubernetes.io/component: controller}}
  template:
    metadata: {labels: {app.kubernetes.io/name: ingress-nginx, app.kubernetes.io/component: controller}}
    spec:
      containers: [{name: controller, image: "registry.k8s.io/ingress-nginx/controller:v1.13.0", args: [/nginx-ingress-controller]}]
status: {replicas: 1, readyReplicas: 1}
---
apiVersion: v1
kind: Pod
metadata:
  name: nginx-0
  namespace: ingress-nginx
  uid: p-nginx-0
  labels: {app.kubernetes.io/name: ingress-nginx, app.kubernetes.io/component: controller, pod-template-hash: h1}
  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: nginx-1, uid: r-nginx-1, controller: true}]
spec:
  nodeName: n1
  containers: [{name: controller, image: "registry.k8s.io/ingress-nginx/controller:v1.13.0", args: [/nginx-ingress-controller]}]
status:
  phase: Running
  podIP: 10.0.9.1
  podIPs: [{ip: 10.0.9.1}]
  conditions: [{type: Ready, status: "True"}]
  containerStatuses: [{name: controller, ready: true, image: "", imageID: "", restartCount: 0, state: {running: {}}}]
`

// policy lets another namespace in than the gateway's.
const policy = `
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: cart, namespace: shop, uid: n-cart, resourceVersion: "60"}
spec:
  podSelector: {matchLabels: {app: cart}}
  policyTypes: [Ingress]
  ingress: [{from: [{namespaceSelector: {matchLabels: {team: edge}}}], ports: [{protocol: TCP, port: 8080}]}]
`

const denyAll = `
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop, uid: n-deny, resourceVersion: "60"}
spec: {podSelector: {}, policyTypes: [Ingress]}
`

const egressPolicy = `
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: out, namespace: ingress-nginx, uid: n-out, resourceVersion: "61"}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress: [{ports: [{protocol: UDP, port: 53}]}]
`

// edge is a Gateway in a namespace of its own, which takes no other's routes.
const edge = `
apiVersion: v1
kind: Namespace
metadata: {name: front, labels: {kubernetes.io/metadata.name: front}}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {kubernetes.io/metadata.name: shop}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: envoy}
spec: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}
status: {conditions: [{type: Accepted, status: "True", reason: Accepted, message: "", lastTransitionTime: null}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: front, uid: g-edge, resourceVersion: "70", generation: 1}
spec: {gatewayClassName: envoy, listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: Same}}}]}
status:
  conditions:
  - {type: Accepted, status: "True", reason: Accepted, message: "", lastTransitionTime: null}
  - {type: Programmed, status: "True", reason: Programmed, message: "", lastTransitionTime: null}
---
`

// frontRoute refers to the cart from another namespace.
const frontRoute = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: cart, namespace: front, uid: h-front, generation: 1, resourceVersion: "71"}
spec:
  parentRefs: [{name: edge}]
  hostnames: [cart-gw.shop.test]
  rules: [{matches: [{path: {type: PathPrefix, value: /}}], backendRefs: [{name: cart, namespace: shop, port: 80}]}]
status:
  parents:
  - parentRef: {name: edge}
    controllerName: gateway.envoyproxy.io/gatewayclass-controller
    conditions:
    - {type: Accepted, status: "True", reason: Accepted, message: "", lastTransitionTime: null}
    - {type: ResolvedRefs, status: "False", reason: RefNotPermitted, message: "no grant", lastTransitionTime: null}
`

// shopRoute asks the Gateway of another namespace to take it.
const shopRoute = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: cart, namespace: shop, uid: h-cart, generation: 1, resourceVersion: "72"}
spec:
  parentRefs: [{name: edge, namespace: front}]
  hostnames: [cart-gw.shop.test]
  rules: [{matches: [{path: {type: PathPrefix, value: /}}], backendRefs: [{name: cart, port: 80}]}]
status:
  parents:
  - parentRef: {name: edge, namespace: front}
    controllerName: gateway.envoyproxy.io/gatewayclass-controller
    conditions:
    - {type: Accepted, status: "False", reason: NotAllowedByListeners, message: "namespace", lastTransitionTime: null}
`

// splitRoute sends a tenth of its requests to the canary.
const splitRoute = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: shop, namespace: shop, uid: g-shop, resourceVersion: "73", generation: 1}
spec: {gatewayClassName: envoy, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: split, namespace: shop, uid: h-split, generation: 1, resourceVersion: "74"}
spec:
  parentRefs: [{name: shop}]
  hostnames: [cart-gw.shop.test]
  rules:
  - matches: [{path: {type: PathPrefix, value: /}}]
    backendRefs: [{name: cart, port: 80, weight: 90}, {name: canary, port: 80, weight: 10}]
`

const canaryIngress = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: cart-canary
  namespace: shop
  uid: i-canary
  resourceVersion: "31"
  annotations: {nginx.ingress.kubernetes.io/canary: "true", nginx.ingress.kubernetes.io/canary-weight: "10"}
spec:
  ingressClassName: nginx
  rules:
  - host: cart.shop.test
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: canary, port: {number: 80}}}}]}
`

const autoscaler = `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: cart, namespace: shop, uid: a-cart, resourceVersion: "80"}
spec: {minReplicas: %d, maxReplicas: %d, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: cart}}
`

const chaos = `
apiVersion: chaos-mesh.org/v1alpha1
kind: PodChaos
metadata: {name: kill, namespace: shop, uid: c-kill, resourceVersion: "90"}
spec: {action: pod-failure, mode: all, selector: {namespaces: [shop], labelSelectors: {app: cart}}}
`

const lostNode = `
apiVersion: v1
kind: Node
metadata: {name: n2, uid: n-n2, resourceVersion: "91"}
status: {conditions: [{type: Ready, status: Unknown, reason: NodeStatusUnknown, message: "Kubelet stopped posting node status."}]}
`
