package dump

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/snapshot"
)

// What the folders of tools look like that collect clusters:
//
//	oc adm must-gather, oc adm inspect (openshift/oc, pkg/cli/admin/inspect):
//	  namespaces/NS/GROUP/RESOURCES.yaml, namespaces/NS/pods/POD/POD.yaml,
//	  namespaces/NS/pods/POD/CONTAINER/CONTAINER/logs/current.log, previous.log, each line with its time
//	kubectl cluster-info dump --output-directory (kubernetes/kubectl, pkg/cmd/clusterinfo):
//	  NS/pods.json, NS/POD/logs.txt with the logs of all containers, as in what it prints
//	support bundles (replicatedhq/troubleshoot, pkg/collect/cluster_resources.go):
//	  cluster-resources/pods/NS.json, a list or, from older versions, an array of objects without kinds,
//	  cluster-resources/pods/logs/NS/POD/CONTAINER.log, CONTAINER-previous.log
//	gatemend dump: logs/POD_CONTAINER.log, POD_CONTAINER.previous.log

// prose reports whether a file's name says that there are no objects in it.
func prose(name string) bool {
	name = unpackedName(strings.ToLower(name))
	return slices.Contains([]string{".log", ".md", ".txt", ".html", ".csv", ".sh"}, path.Ext(name))
}

// skipped reports whether a file of a folder or an archive is not read. "._" files are what macOS adds to
// archives.
func skipped(name string) bool {
	_, isLog := logOf(name)
	return path.Base(name)[0] == '.' || strings.HasPrefix(name, "__MACOSX/") || prose(name) && !isLog && !isSections(name)
}

// bystander reports whether a file without any object is nothing to speak of: it has a name like "version",
// or is of a support bundle, which says much besides what objects there are.
func bystander(name string) bool {
	return path.Ext(name) == "" || strings.Contains("/"+name, "/cluster-resources/") && !strings.Contains(name, "-errors.")
}

// Log is the end of a container's log that a dump holds.
type Log struct {
	Namespace, Pod, Container string // the namespace is empty where the dump does not say it
	Previous                  bool   // of the container before the last restart
	File                      string // in which it stands
	Text                      []byte

	stamped bool // each line begins with the time at which it was written
}

var (
	ofMustGather = regexp.MustCompile(`(?:^|/)namespaces/([^/]+)/pods/([^/]+)/([^/]+)/[^/]+/logs/(current|previous)(?:\.insecure)?\.log(?:\.gz|\.zst)?$`)
	ofBundle     = regexp.MustCompile(`(?:^|/)cluster-resources/pods/logs/([^/]+)/([^/]+)/([^/]+?)(-previous)?\.log(?:\.gz|\.zst)?$`)
	ofGatemend   = regexp.MustCompile(`(?:^|/)logs/(?:[^/]+/)?([^/_]+)_([^/_]+?)(\.previous)?\.log(?:\.gz|\.zst)?$`)
	ofSection    = regexp.MustCompile(`^==== START logs for container (\S+) of pod ([^/\s]+)/(\S+) ====`)
)

// logOf tells by a file's name whose log it is.
func logOf(name string) (Log, bool) {
	if m := ofMustGather.FindStringSubmatch(name); m != nil {
		return Log{Namespace: m[1], Pod: m[2], Container: m[3], Previous: m[4] == "previous", File: name, stamped: true}, true
	}
	if m := ofBundle.FindStringSubmatch(name); m != nil {
		return Log{Namespace: m[1], Pod: m[2], Container: m[3], Previous: m[4] != "", File: name}, true
	}
	if m := ofGatemend.FindStringSubmatch(name); m != nil {
		return Log{Pod: m[1], Container: m[2], Previous: m[3] != "", File: name}, true
	}
	return Log{}, false
}

// isSections reports whether a file holds logs as kubectl cluster-info dump writes them.
func isSections(name string) bool {
	return path.Base(unpackedName(name)) == "logs.txt"
}

// arrayOf tells by a file's name what a bare array in it is a list of; nil if the name does not say.
func arrayOf(name string) *list {
	_, inBundle, ok := strings.Cut("/"+name, "/cluster-resources/")
	if !ok {
		return nil
	}
	what, _, _ := strings.Cut(inBundle, "/")
	what, _, _ = strings.Cut(what, ".")
	kinds := map[string]snapshot.Kind{
		"namespaces": snapshot.Namespaces, "nodes": snapshot.Nodes, "pods": snapshot.Pods, "services": snapshot.Services,
		"deployments": snapshot.Deployments, "replicasets": snapshot.ReplicaSets, "statefulsets": snapshot.StatefulSets,
		"daemonsets": snapshot.DaemonSets, "jobs": snapshot.Jobs, "ingress": snapshot.Ingresses, "events": snapshot.Events,
		"network-policy": snapshot.NetworkPolicies, "pod-disruption-budgets": snapshot.PodDisruptionBudgets, "pvcs": snapshot.PersistentVolumeClaims,
		"resource-quota": snapshot.ResourceQuotas, "limitranges": snapshot.LimitRanges, "endpointslices": snapshot.EndpointSlices, "configmaps": snapshot.ConfigMaps,
	}
	kind, ok := kinds[what]
	if !ok {
		return nil
	}
	return &list{apiVersion: snapshot.VersionOf(kind), kind: string(kind) + "List"}
}
