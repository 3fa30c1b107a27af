package controller

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/gatemend/gatemend/api/v1alpha1"
)

// A cluster without gatemend's resources, or with those of another version, is told of before anything begins, with what to do.
func TestResourcesOfAnotherVersion(t *testing.T) {
	all := []string{v1alpha1.KindIncident, v1alpha1.KindRemediationPolicy, v1alpha1.KindRemediationApproval}
	for _, c := range []struct {
		name     string
		versions []string
		kinds    []string // of v1alpha1
		says     []string // none: it is well
	}{
		{"as they should be", []string{"v1alpha1"}, all, nil},
		{"beside a later version", []string{"v1", "v1alpha1"}, all, nil},
		{"none", nil, nil, []string{"has no API gatemend.dev/v1alpha1", "config/crd"}},
		{"of a later version", []string{"v1", "v1beta1"}, nil, []string{"[v1 v1beta1]", "or the gatemend that belongs to them"}},
		{"of an earlier state", []string{"v1alpha1"}, all[:2], []string{"has no RemediationApproval", "config/crd"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				var answer any
				switch r.URL.Path {
				case "/api":
					answer = metav1.APIVersions{Versions: []string{"v1"}}
				case "/apis":
					groups := metav1.APIGroupList{Groups: []metav1.APIGroup{}}
					if len(c.versions) > 0 {
						g := metav1.APIGroup{Name: v1alpha1.Group}
						for _, v := range c.versions {
							g.Versions = append(g.Versions, metav1.GroupVersionForDiscovery{GroupVersion: v1alpha1.Group + "/" + v, Version: v})
						}
						groups.Groups = append(groups.Groups, g)
					}
					answer = groups
				case "/apis/" + v1alpha1.APIVersion:
					if len(c.kinds) == 0 {
						http.NotFound(w, r)
						return
					}
					list := metav1.APIResourceList{GroupVersion: v1alpha1.APIVersion}
					for _, kind := range c.kinds {
						list.APIResources = append(list.APIResources, metav1.APIResource{Name: strings.ToLower(kind) + "s", Kind: kind, Namespaced: true})
					}
					answer = list
				}
				_ = json.NewEncoder(w).Encode(answer)
			}))
			defer server.Close()
			err := served(&rest.Config{Host: server.URL})
			if (err == nil) != (len(c.says) == 0) {
				t.Fatalf("got %v", err)
			}
			for _, text := range c.says {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("got %v, which does not say %q", err, text)
				}
			}
		})
	}
}
