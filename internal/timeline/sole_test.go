package timeline

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestSoleDifference(t *testing.T) {
	of := func(image, command string) *corev1.PodTemplateSpec {
		return &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: image, Command: []string{command}}}}}
	}
	tests := []struct {
		name   string
		before *corev1.PodTemplateSpec
		after  *corev1.PodTemplateSpec
		want   string
	}{
		{"one field", of("web:1", "run"), of("web:2", "run"), "spec.template.spec.containers[0].image"},
		{"two fields", of("web:1", "run"), of("web:2", "serve"), ""},
		{"none", of("web:1", "run"), of("web:1", "run"), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := SoleDifference(tt.before, tt.after); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
