package mend

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/plan/plantest"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// nursery is a cluster whose ReplicaSets make a pod for each that is evicted. It becomes ready a while later, or never.
type nursery struct {
	*cluster

	takes  time.Duration // until a new pod is ready
	starts []time.Time   // when each pod was evicted
	unborn []time.Time   // when each new pod becomes ready

	settled *snapshot.Snapshot // of which the EndpointSlices are those of its pods
}

func (n *nursery) Apply(_ context.Context, c model.Change) (act.Receipt, error) {
	o, presence := n.now.Lookup(c.Target)
	pod, is := o.(*corev1.Pod)
	if presence != snapshot.Present || !is || c.Op != model.OpEvict {
		return act.Receipt{}, fmt.Errorf("%s %s is not expected", c.Op, c.Target)
	}
	n.traffic()
	fresh := pod.DeepCopy()
	fresh.Name = fmt.Sprintf("%s-next", pod.Name)
	fresh.UID = types.UID(fresh.Name)
	n.now = n.now.WithObjects([]metav1.Object{fresh}, []model.Ref{c.Target})
	n.writes = append(n.writes, written(c))
	n.starts, n.unborn = append(n.starts, time.Now()), append(n.unborn, time.Now().Add(n.takes))
	return act.Receipt{}, nil
}

func (n *nursery) Snapshot(ctx context.Context) (*snapshot.Snapshot, error) {
	var put []metav1.Object
	for i, w := range n.writes {
		name := strings.TrimPrefix(w, "evict pod/") + "-next"
		if pod, presence := n.now.Pods().Get(plantest.Namespace, name); presence == snapshot.Present && !time.Now().Before(n.unborn[i]) {
			pod = pod.DeepCopy()
			pod.Status.Conditions[0].Status = corev1.ConditionTrue
			put = append(put, pod)
		}
	}
	n.now = plan.SettleSlices(n.settled, n.now.WithObjects(put, nil))
	n.settled = n.now
	return n.cluster.Snapshot(ctx)
}

// WaitRollout would wait for all pods of a Deployment, also for those that are not evicted yet.
func (n *nursery) WaitRollout(ctx context.Context, _ model.Ref, _ func(act.Rollout)) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

// TestPodsAreReplacedOneAtATime: of three pods two do not answer. The second one is evicted once another has taken the place of
// the first one, though it is not ready itself.
func TestPodsAreReplacedOneAtATime(t *testing.T) {
	for name, tc := range map[string]struct {
		takes time.Duration
		want  plan.Outcome
		wrote int
	}{
		"pods come":    {20 * time.Second, plan.Mended, 2},
		"no pods come": {time.Hour, plan.NotHelped, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shop := plantest.Shop("cart", "web")
				shop.Edit("Deployment/cart", 3, "spec", "replicas")
				third, err := json.Marshal(shop.Document("Pod/cart-2-1"))
				if err != nil {
					t.Fatal(err)
				}
				shop.Apply(strings.NewReplacer("cart-2-1", "cart-2-2", "p-cart-1", "p-cart-2").Replace(string(third)))
				for _, pod := range []string{"Pod/cart-2-0", "Pod/cart-2-1"} {
					shop.Edit(pod, "False", "status", "conditions", 0, "status")
				}
				f := plantest.Finding("app-workers-exhausted", "Deployment", "cart", "", "", "workload", "Deployment", "cart")
				n := &nursery{cluster: newCluster(t, shop.Snapshot(), f), takes: tc.takes}
				n.settled = n.now
				p, err := plan.Make(plan.Input{Diagnosis: model.Diagnosis{Causes: []model.Finding{f}}, Snapshot: n.now, Memory: plan.Memory{
					Attempts: []plan.Attempt{{Cause: f.ID, Object: f.Object, Action: "scale", Target: f.Object.Ref}}, // which is the smaller change
				}})
				if err != nil {
					t.Fatal(err)
				}
				n.fails["cart"] = func() bool { return len(n.writes) < 2 && time.Now().UnixMilli()%100 < 50 }
				time.Sleep(10 * time.Second) // it fails for a while
				e := engine(n.cluster, &MemoryJournal{})
				e.Observer, e.Actor = n, n
				got, err := e.Run(t.Context(), Incident{ID: "i1", Plan: &p})
				if err != nil {
					t.Fatal(err)
				}
				if got.Outcome != tc.want || len(n.writes) != tc.wrote {
					t.Fatalf("got %s (%s) after %q, want %s after %d", got.Outcome, got.Because, n.writes, tc.want, tc.wrote)
				}
				if tc.wrote > 1 && n.starts[1].Before(n.unborn[0]) {
					t.Errorf("the second pod was evicted %s after the first one, whose successor took %s", n.starts[1].Sub(n.starts[0]), n.takes)
				}
			})
		})
	}
}
