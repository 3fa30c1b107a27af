package dump

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/snapshot"
)

// TestLayouts reads what tools make that collect clusters: as a folder, and packed.
func TestLayouts(t *testing.T) {
	const items = `[{"metadata":{"name":"web-1","namespace":"shop"},"status":{"phase":"Running"}}]`
	for name, tc := range map[string]struct {
		files map[string]string
		want  []string
		logs  []string
		notes int
	}{
		"must-gather": {
			files: map[string]string{
				"must-gather/version":   "release: 4.18\n",
				"must-gather/timestamp": "2026-05-04 08:30:15 +0000 start\n",
				"must-gather/quay-io-x/cluster-scoped-resources/core/nodes/n1.yaml":                   "---\napiVersion: v1\nkind: Node\nmetadata:\n  name: n1\n",
				"must-gather/quay-io-x/event-filter.html":                                             "<html>",
				"must-gather/quay-io-x/namespaces/shop/shop.yaml":                                     "---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n",
				"must-gather/quay-io-x/namespaces/shop/core/pods.yaml":                                "---\napiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: web-1\n    namespace: shop\nkind: PodList\nmetadata:\n  resourceVersion: \"9\"\n",
				"must-gather/quay-io-x/namespaces/shop/core/services.yaml":                            "---\napiVersion: v1\nitems:\n- metadata:\n    name: cart\n    namespace: shop\nkind: ServiceList\n",
				"must-gather/quay-io-x/namespaces/shop/pods/web-1/web-1.yaml":                         "---\n" + webPod,
				"must-gather/quay-io-x/namespaces/shop/pods/web-1/app/app/logs/current.log":           "2026-05-04T08:30:15.123456789Z listening\n2026-05-04T08:30:16Z x\n",
				"must-gather/quay-io-x/namespaces/shop/pods/web-1/app/app/logs/previous.log":          "2026-05-04T08:30:15.123456789Z panic\n",
				"must-gather/quay-io-x/namespaces/shop/pods/web-1/app/app/logs/previous.insecure.log": "",
				"must-gather/quay-io-x/host_service_logs/masters/kubelet_service.log":                 "x: [\n",
				"must-gather/quay-io-x/audit_logs/kube-apiserver/master-0-audit.log.gz":               gzipped(t, `{"kind":"Event","apiVersion":"audit.k8s.io/v1"}`),
				"must-gather/quay-io-x/namespaces/shop/networking.k8s.io/networkpolicies.yaml":        "---\napiVersion: networking.k8s.io/v1\nitems: []\nkind: NetworkPolicyList\n",
				"must-gather/quay-io-x/namespaces/shop/route.openshift.io/routes.yaml":                "---\napiVersion: route.openshift.io/v1\nitems:\n- apiVersion: route.openshift.io/v1\n  kind: Route\n  metadata:\n    name: r\n    namespace: shop\nkind: RouteList\n",
			},
			want: []string{"Service shop/cart", "Pod shop/web-1", "Node /n1", "Namespace /shop", "Other shop/r"},
			logs: []string{"shop/web-1/app previous: ", "shop/web-1/app previous: panic", "shop/web-1/app: listening x"},
		},
		"cluster-info dump": {
			files: map[string]string{
				"nodes.json":          `{"kind":"NodeList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[{"metadata":{"name":"n1"}}]}`,
				"shop/pods.json":      `{"kind":"PodList","apiVersion":"v1","items":` + items + `}`,
				"shop/services.json":  `{"kind":"ServiceList","apiVersion":"v1","items":[]}`,
				"shop/web-1/logs.txt": "==== START logs for container app of pod shop/web-1 ====\nlistening\n==== END logs for container app of pod shop/web-1 ====\n==== START logs for container side of pod shop/web-1 ====\nRequest log error: x\n==== END logs for container side of pod shop/web-1 ====\n",
			},
			want: []string{"Pod shop/web-1", "Node /n1"},
			logs: []string{"shop/web-1/app: listening", "shop/web-1/side: Request log error: x"},
		},
		"support bundle": {
			files: map[string]string{
				"b/version.yaml":                                            "apiVersion: troubleshoot.sh/v1beta2\nkind: SupportBundle\nspec:\n  versionNumber: v1\n",
				"b/analysis.json":                                           "[]",
				"b/cluster-resources/pods/shop.json":                        items,
				"b/cluster-resources/services/shop.json":                    `{"kind":"ServiceList","apiVersion":"v1","metadata":{},"items":[{"kind":"Service","apiVersion":"v1","metadata":{"name":"cart","namespace":"shop"}}]}`,
				"b/cluster-resources/ingress/shop.json":                     `[{"metadata":{"name":"old","namespace":"shop"},"spec":{"backend":{"serviceName":"cart","servicePort":80}}}]`,
				"b/cluster-resources/ingress/other.json":                    `[{"metadata":{"name":"new","namespace":"other"},"spec":{"defaultBackend":{"service":{"name":"cart","port":{"number":80}}}}}]`,
				"b/cluster-resources/nodes.json":                            `[{"metadata":{"name":"n1"}}]`,
				"b/cluster-resources/resources.json":                        `[{"groupVersion":"v1","resources":[]}]`,
				"b/cluster-resources/auth-cani-list/shop.json":              `{"resourceRules":[]}`,
				"b/cluster-resources/events-errors.json":                    `{"shop":"events is forbidden"}`,
				"b/cluster-resources/pods/logs/shop/web-1/app.log":          "listening\n",
				"b/cluster-resources/pods/logs/shop/web-1/app-previous.log": "panic\n",
			},
			want:  []string{"Ingress other/new", "Ingress shop/old", "Service shop/cart", "Pod shop/web-1", "Node /n1"},
			logs:  []string{"shop/web-1/app previous: panic", "shop/web-1/app: listening"},
			notes: 2, // what could not be collected, and the version, which has no name
		},
	} {
		check := func(t *testing.T, s *snapshot.Snapshot, logs []Log) {
			t.Helper()
			if diff := cmp.Diff(tc.want, names(s)); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
			if len(s.Notes()) != tc.notes {
				t.Errorf("notes %v, want %d", s.Notes(), tc.notes)
			}
			var got []string
			for _, l := range logs {
				previous := map[bool]string{true: " previous"}[l.Previous]
				got = append(got, fmt.Sprintf("%s/%s/%s%s: %s", l.Namespace, l.Pod, l.Container, previous, strings.Join(strings.Fields(string(l.Text)), " ")))
			}
			slices.Sort(got)
			if diff := cmp.Diff(tc.logs, got); diff != "" {
				t.Errorf("logs (-want +got):\n%s", diff)
			}
		}
		t.Run(name, func(t *testing.T) {
			m := fstest.MapFS{}
			for path, text := range tc.files {
				m[path] = &fstest.MapFile{Data: []byte(text)}
			}
			var logs []Log
			s, err := readFS(m, ReadOptions{Logs: &logs})
			if err != nil {
				t.Fatal(err)
			}
			check(t, s, logs)
			logs = nil
			if s, err = Read("-", ReadOptions{Logs: &logs, Stdin: strings.NewReader(targz(t, tc.files))}); err != nil {
				t.Fatal(err)
			}
			check(t, s, logs)
		})
	}
}
