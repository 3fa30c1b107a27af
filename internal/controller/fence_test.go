package controller

import (
	"context"
	"errors"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/model"
)

// counting is an actor that makes every change.
type counting struct {
	mend.Actor
	made int
}

func (c *counting) Apply(context.Context, model.Change) (act.Receipt, error) {
	c.made++
	return act.Receipt{}, nil
}

// Only who leads changes something. Where that is not known, it is no final no: a failed fix would stay for that.
func TestOnlyTheLeaderChangesSomething(t *testing.T) {
	at := types.NamespacedName{Namespace: "gatemend", Name: LeaseName}
	away := errors.New("connection refused")
	for name, tc := range map[string]struct {
		holder *string
		err    error
		made   int
		stale  bool
	}{
		"it leads":                 {holder: new("a"), made: 1},
		"another one leads":        {holder: new("b"), stale: true},
		"nobody leads any more":    {holder: new(""), stale: true},
		"nobody has led yet":       {stale: true},
		"the lease cannot be read": {holder: new("a"), err: away},
	} {
		t.Run(name, func(t *testing.T) {
			scheme := runtime.NewScheme()
			if err := coordinationv1.AddToScheme(scheme); err != nil {
				t.Fatal(err)
			}
			store := fake.NewClientBuilder().WithScheme(scheme).WithObjects(&coordinationv1.Lease{
				ObjectMeta: metav1.ObjectMeta{Namespace: at.Namespace, Name: at.Name}, Spec: coordinationv1.LeaseSpec{HolderIdentity: tc.holder},
			}).WithInterceptorFuncs(interceptor.Funcs{
				Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
					if tc.err != nil {
						return tc.err
					}
					return c.Get(ctx, key, o, opts...)
				},
			}).Build()
			actor := &counting{}
			_, err := fenced{actor, store, at, "a"}.Apply(t.Context(), model.Change{})
			if _, stale := errors.AsType[*act.StaleError](err); stale != tc.stale || actor.made != tc.made || tc.err != nil && !errors.Is(err, tc.err) {
				t.Errorf("%d changes, error %v; want %d, for certain not made: %t", actor.made, err, tc.made, tc.stale)
			}
		})
	}
}
