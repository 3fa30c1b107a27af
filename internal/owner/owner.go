package owner

import (
	"cmp"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Of names who keeps an object as a whole. Where several tools left a mark, the one that applies the
// object comes first: Argo CD and Flux apply what Helm and Kustomize render. On what Kubernetes' own controllers
// make, such as pods, marks come from a template and say nothing.
func Of(o metav1.Object) (model.Owner, bool) {
	for _, r := range o.GetOwnerReferences() {
		if r.Controller != nil && *r.Controller && builtIn(r.APIVersion) {
			return model.Owner{}, false
		}
	}
	for _, known := range []func(metav1.Object) (model.Owner, bool){argoCD, flux, helm, kustomize, operator} {
		if owner, ok := known(o); ok {
			owner.Object = snapshot.RefOf(o)
			return owner, true
		}
	}
	return model.Owner{}, false
}

// argoCD knows the tracking annotation, the tracking label and the field managers (Argo CD documentation,
// "Resource Tracking" and "Server-Side Apply"). The annotation names the object that it was written for:
// on another one it is a copy, which Argo CD does not track either.
func argoCD(o metav1.Object) (model.Owner, bool) {
	const annotation, label = "argocd.argoproj.io/tracking-id", "argocd.argoproj.io/instance"
	if id := o.GetAnnotations()[annotation]; id != "" {
		app, rest, whole := strings.Cut(id, ":")
		_, object, _ := strings.Cut(rest, ":")
		if whole && object != "" && object != o.GetNamespace()+"/"+o.GetName() {
			return model.Owner{}, false
		}
		return model.Owner{Tool: model.ToolArgoCD, Name: app, Because: "annotation " + annotation + ": " + id}, true
	}
	if app := o.GetLabels()[label]; app != "" {
		return model.Owner{Tool: model.ToolArgoCD, Name: app, Because: "label " + label + ": " + app}, true
	}
	if m := appliedBy(o, "argocd-controller", "argocd-application-controller"); m != "" {
		return model.Owner{Tool: model.ToolArgoCD, Name: o.GetLabels()["app.kubernetes.io/instance"], Because: "field manager " + m}, true
	}
	return model.Owner{}, false
}

// flux knows the labels of the kustomize- and the helm-controller. Objects that Flux is told to leave alone
// have no owner (Flux documentation, "Kustomization", section "Controlling the apply behavior of resources").
func flux(o metav1.Object) (model.Owner, bool) {
	const kustomization, release = "kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/"
	a, l := o.GetAnnotations(), o.GetLabels()
	ssa := strings.ToLower(a[kustomization+"ssa"])
	if strings.EqualFold(a[kustomization+"reconcile"], "disabled") || ssa == "ifnotpresent" || ssa == "ignore" {
		return model.Owner{}, false
	}
	for _, mark := range []struct{ prefix, kind string }{{kustomization, "Kustomization"}, {release, "HelmRelease"}} {
		if name := l[mark.prefix+"name"]; name != "" {
			return model.Owner{
				Tool: model.ToolFlux, Name: mark.kind + " " + strings.TrimPrefix(l[mark.prefix+"namespace"]+"/", "/") + name,
				Because: "label " + mark.prefix + "name: " + name,
			}, true
		}
	}
	if m := appliedBy(o, "kustomize-controller", "helm-controller"); m != "" {
		return model.Owner{Tool: model.ToolFlux, Name: m, Because: "field manager " + m}, true
	}
	return model.Owner{}, false
}

// helm knows what Helm 3 puts on everything that it installs (Helm documentation, "Labels and Annotations").
func helm(o metav1.Object) (model.Owner, bool) {
	release := o.GetAnnotations()["meta.helm.sh/release-name"]
	if o.GetLabels()["app.kubernetes.io/managed-by"] != "Helm" || release == "" {
		return model.Owner{}, false
	}
	return model.Owner{
		Tool: model.ToolHelm, Name: release, Namespace: o.GetAnnotations()["meta.helm.sh/release-namespace"],
		Because: "annotation meta.helm.sh/release-name: " + release, Source: o.GetLabels()["helm.sh/chart"],
	}, true
}

// kustomize knows what kustomize writes where buildMetadata asks for it (Kustomize documentation,
// "buildMetadata"): the origin of a resource, and a managed-by label.
func kustomize(o metav1.Object) (model.Owner, bool) {
	if origin := o.GetAnnotations()["config.kubernetes.io/origin"]; origin != "" {
		return model.Owner{
			Tool: model.ToolKustomize, Name: originPart(origin, "repo"), Source: cmp.Or(originPart(origin, "path"), originPart(origin, "configuredIn")),
			Because: "annotation config.kubernetes.io/origin",
		}, true
	}
	if by := o.GetLabels()["app.kubernetes.io/managed-by"]; strings.HasPrefix(by, "kustomize-") {
		return model.Owner{Tool: model.ToolKustomize, Because: "label app.kubernetes.io/managed-by: " + by}, true
	}
	return model.Owner{}, false
}

// originPart reads a field of the small YAML text of an origin annotation.
func originPart(origin, field string) string {
	for line := range strings.Lines(origin) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), field+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// operator knows a controlling owner that is not one of Kubernetes' own.
func operator(o metav1.Object) (model.Owner, bool) {
	for _, r := range o.GetOwnerReferences() {
		if r.Controller != nil && *r.Controller && !builtIn(r.APIVersion) {
			return model.Owner{
				Tool: model.ToolOperator, Name: r.Kind + " " + r.Name + " (" + r.APIVersion + ")",
				Because: "controller in metadata.ownerReferences",
			}, true
		}
	}
	return model.Owner{}, false
}

// builtIn reports whether an API group is one of Kubernetes' own.
func builtIn(apiVersion string) bool {
	group, _, grouped := strings.Cut(apiVersion, "/")
	return !grouped || !strings.Contains(group, ".") || strings.HasSuffix(group, ".k8s.io")
}

// appliedBy gives the first of some field managers that wrote fields of an object, empty if none did.
func appliedBy(o metav1.Object, managers ...string) string {
	for _, m := range o.GetManagedFields() {
		for _, name := range managers {
			if m.Manager == name && m.Subresource == "" {
				return name
			}
		}
	}
	return ""
}
