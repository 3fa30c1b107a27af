package fault

import (
	"context"

	"github.com/gatemend/gatemend/lab/manifest"
)

// wrongSelector makes the Service look for pods that carry another label. Its endpoints are gone at once.
func wrongSelector() Fault {
	return Fault{
		Name: "wrong-selector", Title: "the Service selects app=website, the pods carry app=web",
		Gateway: "nginx", Route: manifest.Host(manifest.Web), WantStatus: []int{503},
		WantLog:    `" 503 190 .* \[shop-web-80\] \[\] - - - - [0-9a-f]{32}$`,
		WantCauses: []string{"selector-mismatch"}, WantObject: "Service shop/web",
		Inject: func(ctx context.Context, c *manifest.Client) error {
			s := manifest.Service(manifest.Web)
			s.Spec.Selector = map[string]string{"app": "website"}
			return c.Replace(ctx, s)
		},
		Restore: reset,
	}
}
