package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// churn replaces one pod in a hundred each minute, though at least one a second, at even distances.
type churn struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
	n      atomic.Int64
	mu     sync.Mutex
	err    error
}

func (p *plane) startChurn(ctx context.Context) *churn {
	ctx, cancel := context.WithCancel(ctx)
	c := &churn{cancel: cancel}
	c.done.Go(func() {
		tick := time.NewTicker(time.Minute / time.Duration(max(p.bench.size.pods()/100, 60)))
		defer tick.Stop()
		random := rand.New(rand.NewPCG(1, 2))
		for n := 1; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			a := p.apps[random.IntN(len(p.apps))]
			if err := p.replace(ctx, a, n); err != nil && ctx.Err() == nil {
				c.mu.Lock()
				c.err = fmt.Errorf("replace a pod: %w", err)
				c.mu.Unlock()
				return
			}
			c.n.Add(1)
		}
	})
	return c
}

// replace deletes one pod of an app and makes another one.
func (p *plane) replace(ctx context.Context, a app, n int) error {
	pods := p.kube.CoreV1().Pods(a.namespace)
	list, err := pods.List(ctx, metav1.ListOptions{LabelSelector: a.selector(), ResourceVersion: "0"})
	if err != nil {
		return err
	}
	if len(list.Items) == 0 {
		return fmt.Errorf("the API server knows no pod of %s/%s", a.namespace, a.name)
	}
	old := &list.Items[n%len(list.Items)]
	if err := pods.Delete(ctx, old.Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	rs := metav1.GetControllerOf(old)
	return p.makePod(ctx, a, rs.Name+replacement(n), &metav1.ObjectMeta{UID: rs.UID})
}

// replacement ends the name of the n-th new pod.
func replacement(n int) string { return fmt.Sprintf("-c%06d", n) }

func (c *churn) count() int { return int(c.n.Load()) }

func (c *churn) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *churn) stop() {
	c.cancel()
	c.done.Wait()
}
