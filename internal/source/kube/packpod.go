package kube

import (
	"encoding/binary"
	"errors"
	"hash/maphash"
	"maps"
	"weak"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/snapshot"
)

// packedPod is a pod in two parts: what it has in common with the other pods of its controller, which is kept once, and
// what is its own.
type packedPod struct {
	names
	common *common
	view   view[corev1.Pod]
}

// common is what pods have in common, as the protobuf form of a pod.
type common struct {
	data string
	view view[corev1.Pod]
}

func (c *common) pod() *corev1.Pod {
	return c.view.get(func(p *corev1.Pod) error { return p.Unmarshal([]byte(c.data)) })
}

// Kind names the table of pods.
func (p *packedPod) Kind() snapshot.Kind { return snapshot.Pods }

// Open gives the pod.
func (p *packedPod) Open() metav1.Object {
	return p.view.get(func(pod *corev1.Pod) error {
		var its own
		err := its.decode(p.data)
		*pod = *p.common.pod()
		its.into(pod)
		return err
	})
}

// packPod gives the packed form of a pod, to which it writes.
func (s *sharer) packPod(p *corev1.Pod) (any, error) {
	its := takeOwn(p)
	data, err := its.encode()
	if err != nil {
		return nil, err
	}
	rest, err := p.Marshal()
	if err != nil {
		return nil, err
	}
	its.meta.Namespace = p.Namespace
	return &packedPod{names: newNames(&its.meta, data, ""), common: s.commonOf(rest)}, nil
}

// own is what pods of one controller do not have in common.
type own struct {
	meta   metav1.ObjectMeta
	node   string
	status corev1.PodStatus
}

// takeOwn moves what is a pod's own out of it.
func takeOwn(p *corev1.Pod) own {
	its := own{node: p.Spec.NodeName, status: p.Status}
	its.meta = metav1.ObjectMeta{
		Name: p.Name, UID: p.UID, ResourceVersion: p.ResourceVersion, CreationTimestamp: p.CreationTimestamp,
		DeletionTimestamp: p.DeletionTimestamp, DeletionGracePeriodSeconds: p.DeletionGracePeriodSeconds,
	}
	p.Name, p.UID, p.ResourceVersion, p.CreationTimestamp = "", "", "", metav1.Time{}
	p.DeletionTimestamp, p.DeletionGracePeriodSeconds = nil, nil
	p.Spec.NodeName = ""
	p.Status = corev1.PodStatus{
		QOSClass:              p.Status.QOSClass,
		InitContainerStatuses: takeImages(its.status.InitContainerStatuses),
		ContainerStatuses:     takeImages(its.status.ContainerStatuses),
	}
	its.status.QOSClass = ""
	return its
}

// takeImages moves the names of containers and images out of statuses: they are long, and the same in all pods.
func takeImages(all []corev1.ContainerStatus) []corev1.ContainerStatus {
	var out []corev1.ContainerStatus
	for i := range all {
		c := &all[i]
		out = append(out, corev1.ContainerStatus{Name: c.Name, Image: c.Image, ImageID: c.ImageID})
		c.Name, c.Image, c.ImageID = "", "", ""
	}
	return out
}

// into puts it back into a pod that has the rest.
func (its *own) into(p *corev1.Pod) {
	m := &its.meta
	p.Name, p.UID, p.ResourceVersion, p.CreationTimestamp = m.Name, m.UID, m.ResourceVersion, m.CreationTimestamp
	p.DeletionTimestamp, p.DeletionGracePeriodSeconds = m.DeletionTimestamp, m.DeletionGracePeriodSeconds
	p.Spec.NodeName = its.node
	common := p.Status
	p.Status = its.status
	p.Status.QOSClass = common.QOSClass
	putImages(p.Status.InitContainerStatuses, common.InitContainerStatuses)
	putImages(p.Status.ContainerStatuses, common.ContainerStatuses)
}

func putImages(into, from []corev1.ContainerStatus) {
	for i := range min(len(into), len(from)) {
		into[i].Name, into[i].Image, into[i].ImageID = from[i].Name, from[i].Image, from[i].ImageID
	}
}

// encode gives the three parts, the first two behind their lengths.
func (its *own) encode() (string, error) {
	meta, err := its.meta.Marshal()
	if err != nil {
		return "", err
	}
	status, err := its.status.Marshal()
	if err != nil {
		return "", err
	}
	data := make([]byte, 0, len(meta)+len(its.node)+len(status)+4)
	data = append(binary.AppendUvarint(data, uint64(len(meta))), meta...)
	data = append(binary.AppendUvarint(data, uint64(len(its.node))), its.node...)
	return string(append(data, status...)), nil
}

var errCut = errors.New("the packed form of a pod is cut off")

func (its *own) decode(packed string) error {
	data := []byte(packed)
	next := func() ([]byte, bool) {
		n, size := binary.Uvarint(data)
		if size <= 0 || n > uint64(len(data)-size) {
			return nil, false
		}
		part := data[size : size+int(n)]
		data = data[size+int(n):]
		return part, true
	}
	meta, ok := next()
	if !ok {
		return errCut
	}
	node, ok := next()
	if !ok {
		return errCut
	}
	its.node = string(node)
	return errors.Join(its.meta.Unmarshal(meta), its.status.Unmarshal(data))
}

// commonOf gives what is kept of a common part that others may have, too.
func (s *sharer) commonOf(data []byte) *common {
	const sweep = 1024 // new ones until those are forgotten that no pod has any more
	at := maphash.Bytes(s.seed, data)
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.commons[at]
	if c := known.Value(); c != nil && c.data == string(data) {
		return c
	}
	if !ok {
		s.added++
	}
	if s.added > sweep && s.added > len(s.commons)/2 {
		maps.DeleteFunc(s.commons, func(_ uint64, w weak.Pointer[common]) bool { return w.Value() == nil })
		s.added = 0
	}
	c := &common{data: string(data)}
	s.commons[at] = weak.Make(c)
	return c
}
