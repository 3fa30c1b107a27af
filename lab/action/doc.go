// Package action has gatemend's repairs made and taken back on a real cluster, with real controllers and a real kubelet:
// those that no fault of package fault asks for. It has only tests.
// A resize in place is not among them: the lab's kubelets have no cgroups of pods (cgroupsPerQOS: false), without which
// kubelet 1.36 ends in a panic when it is asked for one (pkg/kubelet/kuberuntime, doPodResizeAction).
package action
