package plantest

const base = `
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {kubernetes.io/metadata.name: shop}}
---
apiVersion: v1
kind: Node
metadata: {name: n1}
status: {conditions: [{type: Ready, status: "True"}]}
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: nginx}
spec: {controller: k8s.io/ingress-nginx}
`

const application = `
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: APP, namespace: shop, uid: d-APP, generation: 2, resourceVersion: "10", annotations: {deployment.kubernetes.io/revision: "2"}}
spec:
  replicas: 2
  selector: {matchLabels: {app: APP}}
  template:
    metadata: {labels: {app: APP}}
    spec:
      containers:
      - name: APP
        image: shop:v2
        ports: [{name: http, containerPort: 8080, protocol: TCP}]
        readinessProbe: {httpGet: {path: /readyz, port: 8080, scheme: HTTP}, periodSeconds: 1}
        resources: {limits: {memory: 128Mi}}
status: {observedGeneration: 2, replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata:
  name: APP-2
  namespace: shop
  uid: r-APP-2
  labels: {app: APP, pod-template-hash: h2}
  annotations: {deployment.kubernetes.io/revision: "2"}
  ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: APP, uid: d-APP, controller: true}]
spec:
  replicas: 2
  selector: {matchLabels: {app: APP, pod-template-hash: h2}}
  template:
    metadata: {labels: {app: APP, pod-template-hash: h2}}
    spec:
      containers:
      - name: APP
        image: shop:v2
        ports: [{name: http, containerPort: 8080, protocol: TCP}]
        readinessProbe: {httpGet: {path: /readyz, port: 8080, scheme: HTTP}, periodSeconds: 1}
        resources: {limits: {memory: 128Mi}}
status: {replicas: 2, readyReplicas: 2}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata:
  name: APP-1
  namespace: shop
  uid: r-APP-1
  labels: {app: APP, pod-template-hash: h1}
  annotations: {deployment.kubernetes.io/revision: "1"}
  ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: APP, uid: d-APP, controller: true}]
spec:
  replicas: 0
  selector: {matchLabels: {app: APP, pod-template-hash: h1}}
  template:
    metadata: {labels: {app: APP, pod-template-hash: h1}}
    spec:
      containers:
      - name: APP
        image: shop:v1
        ports: [{name: http, containerPort: 8080, protocol: TCP}]
        readinessProbe: {httpGet: {path: /readyz, port: 8080, scheme: HTTP}, periodSeconds: 1}
        resources: {limits: {memory: 128Mi}}
status: {replicas: 0}
---
apiVersion: v1
kind: Service
metadata: {name: APP, namespace: shop, uid: s-APP, resourceVersion: "20"}
spec:
  clusterIP: 10.96.0.7
  clusterIPs: [10.96.0.7]
  type: ClusterIP
  selector: {app: APP}
  ports: [{name: http, port: 80, protocol: TCP, targetPort: 8080}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: APP, namespace: shop, uid: i-APP, resourceVersion: "30"}
spec:
  ingressClassName: nginx
  rules:
  - host: APP.shop.test
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: APP, port: {number: 80}}}}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: APP-x, namespace: shop, labels: {kubernetes.io/service-name: APP}}
addressType: IPv4
ports: [{name: http, port: 8080, protocol: TCP}]
endpoints:
- {addresses: [NET.10], conditions: {ready: true}, targetRef: {kind: Pod, namespace: shop, name: APP-2-0}}
- {addresses: [NET.11], conditions: {ready: true}, targetRef: {kind: Pod, namespace: shop, name: APP-2-1}}
`

const pod = `
---
apiVersion: v1
kind: Pod
metadata:
  name: APP-2-ORDINAL
  namespace: shop
  uid: p-APP-ORDINAL
  labels: {app: APP, pod-template-hash: h2}
  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: APP-2, uid: r-APP-2, controller: true}]
spec:
  nodeName: n1
  containers:
  - name: APP
    image: shop:v2
    ports: [{name: http, containerPort: 8080, protocol: TCP}]
    readinessProbe: {httpGet: {path: /readyz, port: 8080, scheme: HTTP}, periodSeconds: 1}
status:
  phase: Running
  podIP: ADDRESS
  podIPs: [{ip: ADDRESS}]
  conditions: [{type: Ready, status: "True"}]
  containerStatuses: [{name: APP, ready: true, image: shop:v2, imageID: "", restartCount: 0, state: {running: {}}}]
`
