package kube

import "testing"

// The kubelet's word that a log is gone is not what a container said last.
func TestOfKubelet(t *testing.T) {
	for name, tc := range map[string]struct {
		lines []string
		want  bool
	}{
		"removed":        {[]string{`failed to try resolving symlinks in path "/var/log/pods/shop_cart-1/cart/0.log": lstat /var/log/pods/shop_cart-1/cart/0.log: no such file or directory`}, true},
		"not there":      {[]string{"unable to retrieve container logs for containerd://5f7c"}, true},
		"nothing":        {nil, false},
		"of a container": {[]string{"cannot start: no such file or directory"}, false},
		"and more":       {[]string{"starting", "unable to retrieve container logs for containerd://5f7c"}, false},
	} {
		if got := ofKubelet(tc.lines); got != tc.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}
