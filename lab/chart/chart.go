// Package chart renders gatemend's Helm chart with Helm's own library, for tests and for the manifests that
// 'gatemend install' prints. The product has no part of Helm in it.
package chart

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// Release says as what the chart is installed.
type Release struct {
	Name      string
	Namespace string
	// Values are those of 'helm install --values', over the chart's own.
	Values map[string]any
	// Cluster is what the chart may look at, as in 'helm upgrade'; nil: nothing, as in 'helm template'.
	Cluster dynamic.Interface
}

// clients give an engine the cluster of a release.
type clients struct{ cluster dynamic.Interface }

// GetClientFor implements engine.ClientProvider. The chart looks at namespaced objects only.
func (c clients) GetClientFor(version, kind string) (dynamic.NamespaceableResourceInterface, bool, error) {
	resource, _ := meta.UnsafeGuessKindToResource(schema.FromAPIVersionAndKind(version, kind))
	return c.cluster.Resource(resource), true, nil
}

// Render gives the manifests of the chart in a folder as 'helm template' does, in the order of its files. Values
// that the chart's schema forbids are an error.
func Render(dir string, r Release) (string, error) {
	c, err := loader.LoadDir(dir)
	if err != nil {
		return "", fmt.Errorf("load chart: %w", err)
	}
	values, err := chartutil.ToRenderValues(c, r.Values, chartutil.ReleaseOptions{
		Name: r.Name, Namespace: r.Namespace, Revision: 1, IsInstall: true, // the chart does the same in an upgrade
	}, chartutil.DefaultCapabilities)
	if err != nil {
		return "", fmt.Errorf("chart's values: %w", err)
	}
	render := engine.Render
	if r.Cluster != nil {
		render = func(c *chart.Chart, v chartutil.Values) (map[string]string, error) {
			return engine.RenderWithClientProvider(c, v, clients{r.Cluster})
		}
	}
	files, err := render(c, values)
	if err != nil {
		return "", fmt.Errorf("render chart: %w", err)
	}
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if path.Ext(name) != ".yaml" {
			continue
		}
		for _, document := range Documents(files[name]) {
			out.WriteString("---\n" + document + "\n")
		}
	}
	return out.String(), nil
}

// Documents are the documents of a YAML stream that say something.
func Documents(stream string) []string {
	var all []string
	for document := range strings.SplitSeq("\n"+stream, "\n---\n") {
		if document = strings.TrimSpace(document); document != "" {
			all = append(all, document)
		}
	}
	return all
}
