package diagnose

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/version"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/proxy/image"
)

// wholeIn is the time in which Traefik wants to have a request with its body unless somebody sets another one, since
// 2.11.2 (doc.traefik.io, migrate to v2.11.2; entry points, respondingTimeouts.readTimeout). Before it waited for ever.
const wholeIn = time.Minute

// cutUploads finds a route on which Traefik cuts off uploads that take longer than it waits for a whole request. It logs them
// as given up by the client (499), all after the same time and never before it. A load balancer may also hang up after a
// minute, and then it is the client: it has a private address.
func (v *view) cutUploads(r *route) (finding, bool) {
	if r.Proxy != "traefik" || r.failures > 0 || len(r.left) < enoughLeft {
		return finding{}, false
	}
	for _, f := range v.m.Fleets(r.Route) {
		limit, where := readLimit(f)
		if limit == 0 {
			continue
		}
		var cut []model.Signal
		for _, s := range r.left {
			if carriesBody(s.Request.Method) && s.Duration >= limit && s.Duration < limit+time.Second/10 && publicAddress(s.Client) {
				cut = append(cut, s)
			}
		}
		if len(cut) < enoughLeft || len(cut)*2 < len(r.left) || len(cut)*10 < r.requests {
			continue
		}
		place := at(f.Object, where)
		return v.relateBackend(find("request-body-timeout", likely, place,
			fmt.Sprintf("Traefik waits %s until a request has arrived whole, and cut off %d of %d requests for %s after that time", limit, len(cut), r.requests, r)).
			on(r).showing(r, cut).since(cut[0].At).quoting(cut[0]).
			because("object", fmt.Sprintf("respondingTimeouts.readTimeout of %s is %s", f.Object, limit), f.Object, time.Time{}).
			not("client-abort", "clients do not all give up in the same tenth of a second in which the gateway does"), r), true
	}
	return finding{}, false
}

// carriesBody reports whether requests of a method usually have a body.
func carriesBody(method string) bool {
	return slices.Contains([]string{"POST", "PUT", "PATCH"}, method)
}

// publicAddress reports whether an address is not of a private network.
func publicAddress(address string) bool {
	return net.ParseIP(address) != nil && !private(address)
}

// traefikVersion finds the version in the tag of an image.
var traefikVersion = regexp.MustCompile(`:v?(\d+\.\d+(?:\.\d+)?)`)

// readLimit is how long a Traefik that is set up by its arguments waits for a whole request, and where that is set or would be;
// 0: for ever, or not known. (One that has arguments reads no file and no environment besides.)
func readLimit(f path.Fleet) (time.Duration, string) {
	for i, c := range f.Pod.Spec.Containers {
		m := traefikVersion.FindStringSubmatch(c.Image)
		if !image.Is(c.Image, "traefik") || m == nil || len(c.Args) == 0 {
			continue
		}
		limit := time.Duration(0)
		if v, err := version.ParseGeneric(m[1]); err == nil && v.AtLeast(version.MustParseGeneric("2.11.2")) {
			limit = wholeIn
		}
		for _, arg := range c.Args {
			name, value, _ := strings.Cut(strings.ToLower(strings.TrimLeft(arg, "-")), "=")
			switch {
			case name == "configfile":
				return 0, ""
			case strings.HasPrefix(name, "entrypoints.") && strings.HasSuffix(name, ".transport.respondingtimeouts.readtimeout"):
				limit, _ = seconds(value)
			}
		}
		field := fmt.Sprintf("spec.containers[%d].args", i)
		if f.Object.Kind != "Pod" {
			field = "spec.template." + field
		}
		return limit, field
	}
	return 0, ""
}
