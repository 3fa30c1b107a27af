package chart_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// Grafana's own schema has every field of the dashboard, and the dashboard every field that it requires: of panels' options and
// queries, too.
func TestDashboardFollowsGrafanasSchema(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(dir, "files/grafana/dashboard.json"))
	if err != nil {
		t.Fatal(err)
	}
	plugins.RegisterDefaultPlugins()
	var d dashboard.Dashboard //nolint:staticcheck // the form that files have, which Grafana reads; the other one is that of its own API
	err = d.UnmarshalJSONStrict(data)
	wrong, ok := errors.AsType[cog.BuildErrors](err) // without any, too
	if err != nil && !ok {
		t.Fatal(err)
	}
	for _, w := range wrong {
		t.Error(w)
	}
	if len(d.Panels) == 0 {
		t.Error("it has no panels")
	}
}
