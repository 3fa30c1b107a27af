package contour_test

import (
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/gatemend/gatemend/lab/gateway/contour"
)

func deployments(objects []runtime.Object) []*appsv1.Deployment {
	var out []*appsv1.Deployment
	for _, o := range objects {
		if d, ok := o.(*appsv1.Deployment); ok {
			out = append(out, d)
		}
	}
	return out
}

func TestEnvoyAsksTheContourOfItsOwnPair(t *testing.T) {
	for _, c := range []struct {
		pair                  contour.Pair
		address, status, logs string
	}{
		{contour.Ingress(), "--xds-address=$(CONTOUR_SERVICE_HOST)", "--ingress-status-address=$(ENVOY_SERVICE_HOST)", "accesslog-format: envoy\n"},
		{contour.Gateway(), "--xds-address=$(CONTOUR_SHOP_SERVICE_HOST)", "--ingress-status-address=$(ENVOY_SHOP_SERVICE_HOST)", "accesslog-format: json\n"},
	} {
		control, data := deployments(c.pair.ControlPlane("contour"))[0], deployments(c.pair.DataPlane("contour", "envoy"))[0]
		if args := data.Spec.Template.Spec.InitContainers[0].Args; !slices.Contains(args, c.address) {
			t.Errorf("%s: got %v, want %s", c.pair.Proxy, args, c.address)
		}
		if args := control.Spec.Template.Spec.Containers[0].Args; !slices.Contains(args, c.status) {
			t.Errorf("%s: got %v, want %s", c.pair.Control, args, c.status)
		}
		if !strings.Contains(c.pair.Config, c.logs) {
			t.Errorf("%s: got configuration %q, want %q in it", c.pair.Control, c.pair.Config, c.logs)
		}
	}
}

func TestNoServiceOfOnePairSelectsPodsOfTheOther(t *testing.T) {
	var objects []runtime.Object
	for _, p := range []contour.Pair{contour.Ingress(), contour.Gateway()} {
		objects = slices.Concat(objects, p.ControlPlane("contour"), p.DataPlane("contour", "envoy"))
	}
	for _, o := range objects {
		s, ok := o.(*corev1.Service)
		if !ok {
			continue
		}
		var found []string
		for _, d := range deployments(objects) {
			if labels.SelectorFromSet(s.Spec.Selector).Matches(labels.Set(d.Spec.Template.Labels)) {
				found = append(found, d.Name)
			}
		}
		if want := []string{s.Name}; !slices.Equal(found, want) {
			t.Errorf("service %s selects %v, want %v", s.Name, found, want)
		}
	}
}
