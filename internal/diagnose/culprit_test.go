package diagnose

import (
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The file of which nginx complains is made of one Ingress; which annotation is wrong shows only where there is one.
func TestAnIngressIsAccusedByItsFile(t *testing.T) {
	said := complaintOf(`"proxy_busy_buffers_size" must be less than the size of all "proxy_buffers" minus one buffer in /etc/nginx/conf.d/shop-bad.conf:38`)
	for _, tt := range []struct {
		name        string
		annotations map[string]string
		field       string
	}{
		{"one", map[string]string{"nginx.org/proxy-buffer-size": "16k", "example.com/owner": "shop"}, "metadata.annotations['nginx.org/proxy-buffer-size']"},
		{"two", map[string]string{"nginx.org/proxy-buffer-size": "16k", "nginx.org/proxy-read-timeout": "5s"}, ""},
		{"none", nil, ""},
	} {
		ing := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "bad", Annotations: tt.annotations}}
		if s, ok := accuse(ing, said); !ok || s.at.Field != tt.field {
			t.Errorf("%s: accused: %v, at field %q, want %q", tt.name, ok, s.at.Field, tt.field)
		}
	}
}
