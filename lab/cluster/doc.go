// Package cluster runs a real Kubernetes on one Linux machine: etcd,
// kube-apiserver, kube-controller-manager, kube-scheduler, and per node a
// containerd, a kubelet and a kube-proxy, as plain processes.
//
// # Where things are
//
// Each node is a network namespace; the first also holds the control plane.
//
//	namespace NAME (node1)                     namespace NAME.2 (node2)
//	  etcd, kube-apiserver, controllers
//	  containerd, kubelet, kube-proxy            containerd, kubelet, kube-proxy
//	  bridge node0  172.30.0.1  ----veth-----    node0  172.30.0.2
//	  bridge cni0   10.244.1.1 -- pods           bridge cni0  10.244.2.1 -- pods
//
// Nothing in them reaches the host's network or the world, and two clusters
// may use the same addresses. Everything on disk is below the state folder,
// StateRoot/NAME; programs in the host's namespace reach the cluster through
// Cluster.DialContext and Cluster.RESTConfig.
//
// # What survives what
//
// Up does what is not yet done: it may be called on a cluster that runs, on
// one that is half made and on none. Down removes a cluster however it came to
// its state. Both find everything from the state folder, which is written
// before anything is made outside it and removed last.
package cluster
