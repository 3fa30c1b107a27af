package controller

import (
	"fmt"
	"slices"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// teller puts Events on the objects that an incident is about: where people look who do not know gatemend.
type teller struct {
	recorder events.EventRecorder
	snapshot func() *snapshot.Snapshot
}

// tell says something of an incident on the object that is wrong, or on the route as long as that is not known.
func (t teller) tell(i *v1alpha1.Incident, reason, text string) {
	kind := corev1.EventTypeWarning
	if reason == "Mended" || reason == "Changed" {
		kind = corev1.EventTypeNormal
	}
	about := i.Spec.Object
	if i.Status.Diagnosis != nil {
		about = &i.Status.Diagnosis.Object
	}
	incident := &metav1.PartialObjectMetadata{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.APIVersion, Kind: v1alpha1.KindIncident},
		ObjectMeta: metav1.ObjectMeta{Namespace: i.Namespace, Name: i.Name, UID: i.UID},
	}
	note := cutNote(i.Spec.Route + ": " + text)
	if about == nil {
		t.recorder.Eventf(incident, nil, kind, reason, "Mend", "%s", note)
		return
	}
	object := &metav1.PartialObjectMetadata{
		TypeMeta:   metav1.TypeMeta{APIVersion: about.APIVersion, Kind: about.Kind},
		ObjectMeta: metav1.ObjectMeta{Namespace: about.Namespace, Name: about.Name},
	}
	if o, presence := t.snapshot().Lookup(refOf(about)); presence == snapshot.Present {
		object.UID = o.GetUID()
	}
	t.recorder.Eventf(object, incident, kind, reason, "Mend", "%s", note)
}

// sayOn tells of the controller itself by Events on its Lease, which is there whatever runs the controller.
func sayOn(recorder events.EventRecorder, namespace string) Say {
	lease := &metav1.PartialObjectMetadata{
		TypeMeta:   metav1.TypeMeta{APIVersion: coordinationv1.SchemeGroupVersion.String(), Kind: "Lease"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: LeaseName},
	}
	return func(wrong bool, reason, text string) {
		kind := corev1.EventTypeNormal
		if wrong {
			kind = corev1.EventTypeWarning
		}
		recorder.Eventf(lease, nil, kind, reason, "Record", "%s", cutNote(text))
	}
}

func cutNote(note string) string {
	if r := []rune(note); len(r) > mostNote {
		return string(r[:mostNote])
	}
	return note
}

// mostNote is how long the API server lets an Event's note be, in characters of at most three bytes.
const mostNote = 340

// served reports whether the cluster has the API that this program speaks, and says what to do where it has not.
func served(config *rest.Config) error {
	d, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return fmt.Errorf("ask for APIs: %w", err)
	}
	groups, err := d.ServerGroups()
	if err != nil {
		return fmt.Errorf("ask for APIs: %w", err)
	}
	for _, g := range groups.Groups {
		if g.Name != v1alpha1.Group {
			continue
		}
		var has []string
		for _, v := range g.Versions {
			has = append(has, v.Version)
		}
		return hasKinds(d, has)
	}
	return fmt.Errorf("the cluster has no API %s: install its CustomResourceDefinitions (config/crd)", v1alpha1.APIVersion)
}

// hasKinds checks the version that this program speaks.
func hasKinds(d discovery.DiscoveryInterface, versions []string) error {
	list, err := d.ServerResourcesForGroupVersion(v1alpha1.APIVersion)
	if err != nil {
		return fmt.Errorf("this gatemend speaks %s, and the cluster's CustomResourceDefinitions are of %s %v: "+
			"install those that belong to this gatemend (config/crd), or the gatemend that belongs to them: %w", v1alpha1.APIVersion, v1alpha1.Group, versions, err)
	}
	for _, kind := range []string{v1alpha1.KindIncident, v1alpha1.KindRemediationPolicy, v1alpha1.KindRemediationApproval} {
		if !slices.ContainsFunc(list.APIResources, func(r metav1.APIResource) bool { return r.Kind == kind }) {
			return fmt.Errorf("the cluster's API %s has no %s: install the CustomResourceDefinitions that belong to this gatemend (config/crd)", v1alpha1.APIVersion, kind)
		}
	}
	return nil
}
