package cluster

import (
	"fmt"
	"path/filepath"
)

// component is a process of the cluster: what it is called in files and where
// and how it runs.
type component struct {
	name string
	// program is its name among the built programs, or on the host.
	program string
	args    []string
	node    Node
}

// etcd is the cluster's store. It does not wait for the disk: after a crash of
// the machine a lab is made anew.
func etcd(l layout) component {
	return component{
		name: "etcd", program: "etcd", node: l.node(1),
		args: []string{
			"--data-dir=" + l.path("etcd"),
			"--listen-client-urls=http://" + etcdAddress,
			"--advertise-client-urls=http://" + etcdAddress,
			"--listen-peer-urls=http://127.0.0.1:2380",
			"--unsafe-no-fsync",
			"--log-level=warn",
		},
	}
}

// apiServer is the Kubernetes API.
func apiServer(l layout, audit bool) component {
	args := []string{
		"--etcd-servers=http://" + etcdAddress,
		"--advertise-address=" + l.node(1).IP,
		fmt.Sprintf("--secure-port=%d", apiPort),
		"--cert-dir=" + l.path("pki"),
		"--tls-cert-file=" + l.pki("apiserver.crt"),
		"--tls-private-key-file=" + l.pki("apiserver.key"),
		"--client-ca-file=" + l.pki("ca.crt"),
		"--kubelet-certificate-authority=" + l.pki("ca.crt"),
		"--kubelet-client-certificate=" + l.pki("apiserver-kubelet.crt"),
		"--kubelet-client-key=" + l.pki("apiserver-kubelet.key"),
		// Otherwise logs, exec and port-forward look the node's name up.
		"--kubelet-preferred-address-types=InternalIP",
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + l.pki("sa.pub"),
		"--service-account-signing-key-file=" + l.pki("sa.key"),
		"--service-cluster-ip-range=" + ServiceRange,
		// Long watches keep a stopping server alive for a minute.
		"--shutdown-delay-duration=0s",
	}
	if audit {
		args = append(args,
			"--audit-policy-file="+l.path("audit.yaml"),
			"--audit-log-path="+filepath.Join(l.logs(), "audit.log"))
	}
	return component{name: "kube-apiserver", program: "kube-apiserver", node: l.node(1), args: args}
}

// controllerManager runs the controllers.
func controllerManager(l layout, controllers string) component {
	return component{
		name: "kube-controller-manager", program: "kube-controller-manager", node: l.node(1),
		args: []string{
			"--kubeconfig=" + l.kubeconfig("kube-controller-manager"),
			"--bind-address=127.0.0.1",
			"--leader-elect=false",
			"--use-service-account-credentials=true",
			"--service-account-private-key-file=" + l.pki("sa.key"),
			"--root-ca-file=" + l.pki("ca.crt"),
			"--cluster-signing-cert-file=" + l.pki("ca.crt"),
			"--cluster-signing-key-file=" + l.pki("ca.key"),
			"--kube-api-qps=200", "--kube-api-burst=400",
			"--controllers=" + controllers,
		},
	}
}

// controllers are those of the controller manager that run. The pod garbage collector deletes the pods of a node that
// is gone 40 s after it saw that first, and does not forget it if the node comes back meanwhile: gone again at the end of
// that time, a node loses its pods at once (kubernetes/kubernetes, pkg/controller/podgc).
func controllers(keepOrphans bool) string {
	if keepOrphans {
		return "*,-pod-garbage-collector-controller"
	}
	return "*"
}

// scheduler assigns pods to nodes.
func scheduler(l layout) component {
	return component{
		name: "kube-scheduler", program: "kube-scheduler", node: l.node(1),
		args: []string{
			"--kubeconfig=" + l.kubeconfig("kube-scheduler"),
			"--bind-address=127.0.0.1",
			"--leader-elect=false",
		},
	}
}

// containerd runs the containers of a node.
func containerd(n Node) component {
	return component{
		name: n.component("containerd"), program: "containerd", node: n,
		args: []string{"--config=" + n.path("containerd.toml"), "--log-level=warn"},
	}
}

// kubelet runs the pods of a node.
func kubelet(l layout, n Node) component {
	return component{
		name: n.component("kubelet"), program: "kubelet", node: n,
		args: []string{
			"--config=" + n.path("kubelet.yaml"),
			"--kubeconfig=" + l.kubeconfig(n.component("kubelet")),
			"--root-dir=" + n.path("kubelet"),
			"--cert-dir=" + n.path("kubelet", "pki"),
			"--hostname-override=" + n.Name,
			"--node-ip=" + n.IP,
		},
	}
}

// kubeProxy makes Services work on a node. The machine's connection tracking
// limits are not the lab's to change.
func kubeProxy(l layout, n Node) component {
	return component{
		name: n.component("kube-proxy"), program: "kube-proxy", node: n,
		args: []string{
			"--kubeconfig=" + l.kubeconfig("kube-proxy"),
			"--hostname-override=" + n.Name,
			"--cluster-cidr=" + PodRange,
			"--proxy-mode=nftables",
			"--nodeport-addresses=primary",
			"--conntrack-max-per-core=0",
			"--conntrack-min=0",
			"--conntrack-tcp-timeout-established=0",
			"--conntrack-tcp-timeout-close-wait=0",
			"--oom-score-adj=0",
		},
	}
}
