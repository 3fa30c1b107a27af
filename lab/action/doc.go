// Package action has gatemend's repairs made and taken back on a real cluster, with real controllers and a real kubelet:
// those that no fault of package fault asks for. It has only tests.
// A resize in place is not among them: the lab's kubelets have no cgroups of pods (cgroupsPerQOS: false), without which
// kubelet 1.36 ends in a panic when it is asked for one (pkg/kubelet/kuberuntime, doPodResizeAction).
// Tried by hand with cgroupsPerQOS: true: the memory limit (256Mi to 512Mi) and the CPU limit (250m to 500m) of two running pods
// were raised, read back from the kubelet without a restart, and taken back. It stays by hand because the kubelet then
// takes the machine's cgroup /kubepods for its own, and ends what it does not know there.
package action
