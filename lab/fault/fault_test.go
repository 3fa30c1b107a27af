package fault_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/gatemend/gatemend/lab/fault"
	"github.com/gatemend/gatemend/lab/manifest"
)

func TestFaultsAreComplete(t *testing.T) {
	gateways, used, names := map[string]manifest.Gateway{}, map[string]bool{}, map[string]bool{}
	for _, g := range manifest.Gateways() {
		gateways[g.Name] = g
	}
	for _, f := range fault.All() {
		if !regexp.MustCompile(`^[a-z]+(-[a-z0-9]+)*$`).MatchString(f.Name) || names[f.Name] {
			t.Errorf("%q: not a stable name, or used twice", f.Name)
		}
		names[f.Name], used[f.Gateway] = true, true
		if !slices.Contains(gateways[f.Gateway].Hosts, f.Route) {
			t.Errorf("%s: gateway %s does not serve %s", f.Name, f.Gateway, f.Route)
		}
		if f.Title == "" || len(f.WantStatus) == 0 || len(f.WantCauses) == 0 || f.Inject == nil || f.Restore == nil {
			t.Errorf("%s: a field is missing", f.Name)
		}
		if !regexp.MustCompile(`^(Service|Deployment|Ingress|HTTPRoute|ConfigMap|Secret|ResourceQuota) shop/[a-z-]+$`).MatchString(f.WantObject) &&
			f.WantObject != "Deployment "+gateways[f.Gateway].Namespace+"/"+gateways[f.Gateway].Service {
			t.Errorf("%s: object %q", f.Name, f.WantObject)
		}
		if _, err := regexp.Compile("(?m)" + f.WantLog); err != nil || (f.WantLog == "") != slices.Contains(f.WantStatus, fault.NoAnswer) {
			t.Errorf("%s: log pattern %q: %v", f.Name, f.WantLog, err)
		}
		if found, err := fault.Find(f.Name); err != nil || found.Title != f.Title {
			t.Errorf("find %s: got %q, %v", f.Name, found.Title, err)
		}
	}
	for name := range gateways {
		if !used[name] {
			t.Errorf("no fault shows on gateway %s", name)
		}
	}
	if _, err := fault.Find("earthquake"); err == nil {
		t.Error("a fault that does not exist was found")
	}
}
