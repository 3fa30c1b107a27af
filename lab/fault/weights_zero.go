package fault

import (
	"context"

	"github.com/gatemend/gatemend/lab/manifest"
)

// weightsZero leaves a route with a backend that gets no share of the requests.
func weightsZero() Fault {
	return Fault{
		Name: "weights-zero", Title: "the HTTPRoute's only backend has weight 0",
		Gateway: "envoy-json", Route: manifest.Host("cart-gw"), WantStatus: []int{503, 500},
		WantLog:    `"authority":"cart-gw\.shop\.test".*"response_code":50[03]`,
		WantCauses: []string{"route-weights-zero"}, WantObject: "HTTPRoute shop/cart-gw",
		Inject: func(ctx context.Context, c *manifest.Client) error {
			r, none := manifest.CartRoute(), int32(0)
			r.Spec.Rules[0].BackendRefs[0].Weight = &none
			return c.Replace(ctx, r)
		},
		Restore: reset,
	}
}
