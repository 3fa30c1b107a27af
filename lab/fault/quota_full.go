package fault

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/lab/manifest"
)

// quotaFull refuses the pods that are made in place of those that are gone. Who may have more is a person's to say.
func quotaFull() Fault {
	quota := &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Namespace: manifest.Namespace, Name: "pods"},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("1")}},
	}
	return Fault{
		Name: "quota-full", Title: "a ResourceQuota refuses the pods that replace those of api",
		Gateway: "haproxy", Route: manifest.Host(manifest.API), WantStatus: []int{503, 502},
		WantLog:    ` http shop_svc_api_http/<NOSRV> 0/-1/-1/-1/\d+ 503 \d+ - - SC-- `,
		WantCauses: []string{"admission-rejected"}, WantObject: "ResourceQuota shop/pods",
		Person: true,
		Inject: func(ctx context.Context, c *manifest.Client) error {
			if err := c.Apply(ctx, quota); err != nil {
				return err
			}
			all := metav1.ListOptions{LabelSelector: "app=" + manifest.API}
			return c.Kube.CoreV1().Pods(manifest.Namespace).DeleteCollection(ctx, metav1.DeleteOptions{}, all)
		},
		Restore: func(ctx context.Context, c *manifest.Client) error {
			if err := c.Delete(ctx, quota); err != nil {
				return err
			}
			// After many refusals the ReplicaSet's controller tries again in up to a quarter of an hour, but at once
			// when the object changes: the Deployment's annotations are its own. They stay there, so each time it takes another value.
			d := manifest.Deployment(manifest.API)
			d.Annotations = map[string]string{"shop.test/quota": "gone at " + time.Now().Format(time.RFC3339Nano)}
			if err := c.Replace(ctx, d); err != nil {
				return err
			}
			return c.Reset(ctx)
		},
	}
}
