package synth

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// ofGateways are faults of which only a proxy's own lines tell, or what happened beside it, and no request's.
func ofGateways() []Recipe {
	return []Recipe{
		{Name: "b6-workers-die-on-signal-11", Family: "proxy", World: "arcade", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("store")
			c.settle()
			c.traffic(a, fine(), 24)
			c.elsewhere(a)
			c.says(nginxError, repeat(9, "TIME [alert] 27#27: worker process 2229 exited on signal 11 (core dumped)")...)
			return c.wrong(a, 0, "controller-bug").at(field(c.front.Deployment, "spec.template.spec.containers[0].image"))
		}},
		{Name: "b6-each-reload-cuts-what-is-long", Family: "proxy", World: "transit", Gateways: []string{"nginx"}, Break: func(c *Cluster) Answer {
			a := c.App("maps")
			c.front.everywhere(func(s *corev1.PodSpec) {
				s.Containers[0].Args = []string{"/nginx-ingress-controller", "--configmap=" + c.front.Deployment.Namespace + "/nginx-settings"}
			})
			cm := c.yaml("{apiVersion: v1, kind: ConfigMap, metadata: {name: nginx-settings, namespace: " + c.front.Deployment.Namespace + "}, data: {worker-shutdown-timeout: 10s}}")
			c.settle()
			for i := range 4 {
				reload := onset().Add(time.Duration(2*i+1) * time.Minute)
				c.logs[c.gatewayLog()] = append(c.logs[c.gatewayLog()], fmt.Sprintf("%s [notice] 2140#2140: gracefully shutting down", reload.Format(nginxError)))
				for _, took := range []time.Duration{14 * time.Second, 22 * time.Second, 31 * time.Second} {
					c.between(a, outcome{kind: "app", status: 499, took: took}, reload.Add(10*time.Second-took), time.Second, 1)
				}
			}
			c.traffic(a, fine(), 40)
			c.elsewhere(a)
			return c.wrong(a, 499, "proxy-reload").at(field(cm, "data['worker-shutdown-timeout']"), field(cm, "data.worker-shutdown-timeout"))
		}},
		{Name: "b6-exits-before-the-sidecar-is-up", Family: "mesh", World: "voltgrid", Gateways: []string{"istio"}, Break: func(c *Cluster) Answer {
			a := c.App("tariffs")
			c.meshed()
			a.dies("Error", 1, "")
			for _, p := range a.Pods {
				c.logs[p.Name+"_tariffs.previous"] = []string{fmt.Sprintf(`{"level":"fatal","time":"%s","msg":"cannot load prices, exiting","err":"connect ECONNREFUSED 10.96.3.7:8080"}`, now().Add(-91*time.Second).Format(time.RFC3339))}
				proxy := &p.Status.ContainerStatuses[len(p.Status.ContainerStatuses)-1]
				proxy.State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: stamp(now().Add(-2 * time.Minute))}}
				proxy.Ready = true
				e := c.event(p, "Warning", "Unhealthy", "Startup probe failed: Get \"http://"+p.Status.PodIP+":15021/healthz/ready\": dial tcp "+p.Status.PodIP+":15021: connect: connection refused", 44, now().Add(-2*time.Minute))
				e.InvolvedObject.FieldPath = "spec.containers{istio-proxy}"
			}
			return c.fails(a, nobody(), "sidecar-not-ready").at(field(a.Deployment, "spec.template.metadata.annotations['proxy.istio.io/config']"))
		}},
	}
}
