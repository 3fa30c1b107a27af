package plan

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Owner names the tool or operator that keeps an object as its source says, empty if none is known.
// The marks are those that the tools document: Argo CD's tracking annotation and label, Flux's
// kustomize and helm labels, Helm's managed-by label with its release annotation, and for operators
// an owner that is not one of Kubernetes' own.
func Owner(o metav1.Object) string {
	l, a := o.GetLabels(), o.GetAnnotations()
	switch {
	case a["argocd.argoproj.io/tracking-id"] != "":
		app, _, _ := strings.Cut(a["argocd.argoproj.io/tracking-id"], ":")
		return "Argo CD (application " + app + ")"
	case l["argocd.argoproj.io/instance"] != "":
		return "Argo CD (application " + l["argocd.argoproj.io/instance"] + ")"
	case l["kustomize.toolkit.fluxcd.io/name"] != "":
		return "Flux (Kustomization " + l["kustomize.toolkit.fluxcd.io/namespace"] + "/" + l["kustomize.toolkit.fluxcd.io/name"] + ")"
	case l["helm.toolkit.fluxcd.io/name"] != "":
		return "Flux (HelmRelease " + l["helm.toolkit.fluxcd.io/namespace"] + "/" + l["helm.toolkit.fluxcd.io/name"] + ")"
	case l["app.kubernetes.io/managed-by"] == "Helm" && a["meta.helm.sh/release-name"] != "":
		return "Helm (release " + a["meta.helm.sh/release-name"] + ")"
	}
	for _, r := range o.GetOwnerReferences() {
		if r.Controller != nil && *r.Controller && !builtIn(r.APIVersion) {
			return r.Kind + " " + r.Name + " (" + r.APIVersion + ")"
		}
	}
	return ""
}

// builtIn reports whether an API group is one of Kubernetes' own.
func builtIn(apiVersion string) bool {
	group, _, grouped := strings.Cut(apiVersion, "/")
	return !grouped || !strings.Contains(group, ".") || strings.HasSuffix(group, ".k8s.io")
}
