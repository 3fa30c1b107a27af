package podlog

import (
	"errors"
	"fmt"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Who was away may be back at any moment; a right that is lacking, or a pod that is gone, is not.
func TestLongest(t *testing.T) {
	pods := schema.GroupResource{Resource: "pods/log"}
	for name, tc := range map[string]struct {
		err    error
		seldom bool
	}{
		"the log ended":            {nil, false},
		"no answer":                {errors.New("dial tcp 10.0.0.1:6443: connect: connection refused"), false},
		"the kubelet is away":      {apierrors.NewInternalError(errors.New("dial tcp 10.0.0.2:10250: connect: connection refused")), false},
		"a right is lacking":       {fmt.Errorf("open log: %w", apierrors.NewForbidden(pods, "envoy", errors.New("no"))), true},
		"the pod is gone":          {fmt.Errorf("open log: %w", apierrors.NewNotFound(pods, "envoy")), true},
		"the server is overloaded": {apierrors.NewTooManyRequests("later", 1), true},
	} {
		if got := longest(tc.err); got > 8 != tc.seldom {
			t.Errorf("%s: got %d", name, got)
		}
	}
}
