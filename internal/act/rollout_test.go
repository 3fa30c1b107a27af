package act

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/gatemend/gatemend/internal/model"
)

func ptr[T any](v T) *T { return &v }

func ownedMeta(name, uid, kind, ownerUID string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name: name, UID: types.UID(uid),
		OwnerReferences: []metav1.OwnerReference{{Kind: kind, UID: types.UID(ownerUID), Controller: ptr(true)}},
	}
}

func replicaSet(uid, revision string) appsv1.ReplicaSet {
	rs := appsv1.ReplicaSet{ObjectMeta: ownedMeta(uid, uid, "Deployment", "d")}
	rs.Annotations = map[string]string{"deployment.kubernetes.io/revision": revision}
	return rs
}

func podOf(owner string) corev1.Pod {
	return corev1.Pod{ObjectMeta: ownedMeta("pod-of-"+owner, "p", "ReplicaSet", owner), Status: corev1.PodStatus{Phase: corev1.PodRunning}}
}

func ending(p corev1.Pod) corev1.Pod {
	p.DeletionTimestamp = &metav1.Time{}
	return p
}

func ended(p corev1.Pod) corev1.Pod {
	p.Status.Phase = corev1.PodFailed
	return p
}

func waitingFor(p corev1.Pod, reason string) corev1.Pod {
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name:                 "app",
		State:                corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: "as the kubelet says"}},
		LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Error", ExitCode: 2}},
	}}
	return p
}

// TestRefusalsWhileARolloutIsWaitedFor: an API server that has just begun refuses everybody.
func TestRefusalsWhileARolloutIsWaitedFor(t *testing.T) {
	refuses := apierrors.NewForbidden(schema.GroupResource{Group: "apps", Resource: "deployments"}, "cart", errors.New("not read yet"))
	for name, tc := range map[string]struct {
		answer error
		lasts  time.Duration
		after  time.Duration // waiting has ended
		fails  bool
	}{
		"for a while":                  {refuses, 20 * time.Second, 20 * time.Second, false},
		"it does not know anybody yet": {apierrors.NewUnauthorized("who?"), 20 * time.Second, 20 * time.Second, false},
		"for ever":                     {refuses, time.Hour, time.Minute, true},
		"it is gone":                   {apierrors.NewNotFound(schema.GroupResource{}, "cart"), time.Hour, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				kube := fake.NewClientset(&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart"}, Spec: appsv1.DeploymentSpec{Replicas: ptr[int32](0), Selector: &metav1.LabelSelector{}}})
				kube.PrependReactor("get", "deployments", func(clienttesting.Action) (bool, runtime.Object, error) {
					return time.Since(began) < tc.lasts, nil, tc.answer
				})
				err := New(kube, nil, nil).WaitRollout(t.Context(), model.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "cart"}, nil)
				if (err != nil) != tc.fails || time.Since(began) != tc.after {
					t.Errorf("got %v after %s, want it to fail: %v, after %s", err, time.Since(began), tc.fails, tc.after)
				}
			})
		})
	}
}

func TestJudgeDeployment(t *testing.T) {
	full := appsv1.DeploymentStatus{ObservedGeneration: 3, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 2}
	with := func(change func(*appsv1.DeploymentStatus)) appsv1.DeploymentStatus {
		s := full
		change(&s)
		return s
	}
	refused := func(s *appsv1.DeploymentStatus) { // the Deployment says so, of whichever revision it was
		s.UpdatedReplicas = 0
		s.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Message: "exceeded quota"}}
	}
	for name, tc := range map[string]struct {
		status  appsv1.DeploymentStatus
		refused string // the ReplicaSet whose pods are refused
		paused  bool
		pods    []corev1.Pod
		done    bool
		waiting string // in Waiting
		stuck   string // in the StuckError
	}{
		"all pods are new and available":        {status: full, pods: []corev1.Pod{podOf("new"), podOf("new")}, done: true},
		"the controller has not looked yet":     {status: with(func(s *appsv1.DeploymentStatus) { s.ObservedGeneration = 2 }), waiting: "not seen the change"},
		"some pods are missing":                 {status: with(func(s *appsv1.DeploymentStatus) { s.UpdatedReplicas = 1 }), waiting: "not all there"},
		"some pods are not available":           {status: with(func(s *appsv1.DeploymentStatus) { s.AvailableReplicas = 1 }), waiting: "not all available"},
		"an old pod is still there":             {status: full, pods: []corev1.Pod{podOf("new"), podOf("new"), podOf("old")}, waiting: "still ending"},
		"an old pod is ending":                  {status: full, pods: []corev1.Pod{podOf("new"), podOf("new"), ending(podOf("old"))}, waiting: "still ending"},
		"a new pod is ending, after a scale":    {status: full, pods: []corev1.Pod{podOf("new"), podOf("new"), ending(podOf("new"))}, waiting: "still ending"},
		"an evicted pod lies about":             {status: full, pods: []corev1.Pod{podOf("new"), podOf("new"), ended(podOf("old"))}, done: true},
		"another workload's pod fits as well":   {status: full, pods: []corev1.Pod{podOf("stranger")}, done: true},
		"it is paused":                          {status: full, paused: true, stuck: "paused"},
		"a new pod crashes":                     {status: full, pods: []corev1.Pod{waitingFor(podOf("new"), "CrashLoopBackOff")}, stuck: "crashes again and again (Error, exit status 2)"},
		"a new pod's image is not to be had":    {status: full, pods: []corev1.Pod{waitingFor(podOf("new"), "ImagePullBackOff")}, stuck: "as the kubelet says"},
		"a first pull failed":                   {status: full, pods: []corev1.Pod{waitingFor(podOf("new"), "ErrImagePull")}, done: true},
		"an old pod crashes while it is undone": {status: full, pods: []corev1.Pod{waitingFor(podOf("old"), "CrashLoopBackOff")}, waiting: "still ending"},
		"the deadline is over": {status: with(func(s *appsv1.DeploymentStatus) {
			s.UpdatedReplicas = 1
			s.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Reason: "ProgressDeadlineExceeded", Message: "has timed out progressing"}}
		}), stuck: "has timed out progressing"},
		"pods are refused":                {status: with(refused), refused: "new", stuck: "exceeded quota"},
		"pods of an old one were refused": {status: with(refused), refused: "old", waiting: "not all there"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "cart", UID: "d", Generation: 3}, Spec: appsv1.DeploymentSpec{Replicas: ptr(int32(2)), Paused: tc.paused}, Status: tc.status}
			sets := []appsv1.ReplicaSet{replicaSet("old", "9"), replicaSet("new", "10")}
			for i := range sets {
				if sets[i].Name == tc.refused {
					sets[i].Status.Conditions = []appsv1.ReplicaSetCondition{{Type: appsv1.ReplicaSetReplicaFailure, Status: corev1.ConditionTrue, Message: "exceeded quota"}}
				}
			}
			got, err := judgeDeployment(model.Ref{Kind: "Deployment", Name: "cart"}, d, sets, tc.pods)
			check(t, got, err, tc.done, tc.waiting, tc.stuck)
		})
	}
}

func check(t *testing.T, got Rollout, err error, done bool, waiting, stuck string) {
	t.Helper()
	if stuck != "" {
		if _, ok := errors.AsType[*StuckError](err); !ok || !strings.Contains(err.Error(), stuck) {
			t.Errorf("got %v, want a StuckError about %q", err, stuck)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if got.Done != done || !strings.Contains(got.Waiting, waiting) || (waiting == "") != (got.Waiting == "") {
		t.Errorf("done %v waiting for %q, want %v and %q (%s)", got.Done, got.Waiting, done, waiting, got)
	}
}

func TestJudgeStatefulSet(t *testing.T) {
	pod := func(revision string) corev1.Pod {
		p := corev1.Pod{ObjectMeta: ownedMeta("db-0", "p", "StatefulSet", "s")}
		p.Labels = map[string]string{appsv1.ControllerRevisionHashLabelKey: revision}
		return p
	}
	full := appsv1.StatefulSetStatus{ObservedGeneration: 1, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 2, CurrentRevision: "b", UpdateRevision: "b"}
	half := full
	half.UpdatedReplicas, half.CurrentRevision = 1, "a"
	for name, tc := range map[string]struct {
		status   appsv1.StatefulSetStatus
		strategy appsv1.StatefulSetUpdateStrategy
		pods     []corev1.Pod
		done     bool
		waiting  string
		stuck    string
	}{
		"all pods are new":                    {status: full, pods: []corev1.Pod{pod("b")}, done: true},
		"one is old":                          {status: half, waiting: "not all there"},
		"one is old because of the partition": {status: half, strategy: appsv1.StatefulSetUpdateStrategy{RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{Partition: ptr(int32(1))}}, done: true},
		"nobody replaces pods":                {status: half, strategy: appsv1.StatefulSetUpdateStrategy{Type: appsv1.OnDeleteStatefulSetStrategyType}, stuck: "OnDelete"},
		"one is ending":                       {status: full, pods: []corev1.Pod{ending(pod("b"))}, waiting: "still ending"},
		"a new one crashes":                   {status: half, pods: []corev1.Pod{waitingFor(pod("b"), "CrashLoopBackOff")}, stuck: "crashes"},
		"an old one crashes and blocks":       {status: half, pods: []corev1.Pod{waitingFor(pod("a"), "CrashLoopBackOff")}, stuck: "does not replace"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: "db", UID: "s", Generation: 1}, Spec: appsv1.StatefulSetSpec{Replicas: ptr(int32(2)), UpdateStrategy: tc.strategy}, Status: tc.status}
			got, err := judgeStatefulSet(model.Ref{Kind: "StatefulSet", Name: "db"}, s, tc.pods)
			check(t, got, err, tc.done, tc.waiting, tc.stuck)
		})
	}
}
