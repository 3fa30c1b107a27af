// Package manifest is what runs on the lab's cluster, as typed objects: the gateways, the shop, and the
// routes from the one to the other.
//
// [Client] writes objects and waits for them. [Client.Install] brings everything up and returns when all of it is
// ready. The shop's objects are functions ([Web], [Cart], [API]) so that a fault is a small change of
// what is here, and mending it is putting back what is here.
//
//	web.shop.test      nginx     Ingress web        Service web   Deployment web
//	cart.shop.test     Contour   Ingress cart       Service cart  Deployment cart
//	cart-gw.shop.test  Contour   HTTPRoute cart-gw  Service cart  Deployment cart
//	api.shop.test      HAProxy   Ingress api        Service api   Deployment api
package manifest
