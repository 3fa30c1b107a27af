package act

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// Switch is a ConfigMap that stops gatemend for as long as it exists. It is for emergencies, so it
// takes few calls and few rights: to create ConfigMaps in its namespace, which RBAC cannot limit to one name, and to get and
// delete that one. Nothing is listed, and no API is discovered.
//
// Errors are those of the API server or of the network, with what was tried.
type Switch struct {
	kube            kubernetes.Interface
	namespace, name string
	makes           bool // its namespace, if that is missing
}

// NewSwitch makes a switch of the ConfigMap of that name, which makes its namespace if that is missing, or fails then.
func NewSwitch(kube kubernetes.Interface, namespace, name string, makes bool) *Switch {
	return &Switch{kube: kube, namespace: namespace, name: name, makes: makes}
}

func (s *Switch) wrap(verb string, err error) error {
	return fmt.Errorf("%s ConfigMap %s/%s: %w", verb, s.namespace, s.name, err)
}

// Read gives what whoever stopped gatemend left there; false: nobody has.
func (s *Switch) Read(ctx context.Context) (data map[string]string, stopped bool, err error) {
	cm, err := s.kube.CoreV1().ConfigMaps(s.namespace).Get(ctx, s.name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, false, nil
	case err != nil:
		return nil, false, s.wrap("get", err)
	default:
		return cm.Data, true, nil
	}
}

// Stop creates the ConfigMap; false: it was there already, and is as it was.
func (s *Switch) Stop(ctx context.Context, data map[string]string) (created bool, err error) {
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: s.name}, Data: data}
	opts := metav1.CreateOptions{FieldManager: FieldManager}
	_, err = s.kube.CoreV1().ConfigMaps(s.namespace).Create(ctx, cm, opts)
	if s.makes && apierrors.IsNotFound(err) {
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.namespace}}
		if _, err := s.kube.CoreV1().Namespaces().Create(ctx, ns, opts); err != nil && !apierrors.IsAlreadyExists(err) {
			return false, fmt.Errorf("create namespace %s, which is missing: %w", s.namespace, err)
		}
		_, err = s.kube.CoreV1().ConfigMaps(s.namespace).Create(ctx, cm, opts)
	}
	switch {
	case apierrors.IsAlreadyExists(err):
		return false, nil
	case err != nil:
		return false, s.wrap("create", err)
	default:
		return true, nil
	}
}

// Resume deletes the ConfigMap; false: there was none. One that somebody made anew in the meantime stays, and is a conflict.
func (s *Switch) Resume(ctx context.Context) (deleted bool, err error) {
	api := s.kube.CoreV1().ConfigMaps(s.namespace)
	cm, err := api.Get(ctx, s.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, s.wrap("get", err)
	}
	err = api.Delete(ctx, s.name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &cm.UID}})
	switch {
	case apierrors.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, s.wrap("delete", err)
	default:
		return true, nil
	}
}
