package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/gatemend/gatemend/internal/model"
)

// unreachable is how the API server's proxy says that it did not get through
// (k8s.io/apimachinery/pkg/util/proxy, UpgradeAwareHandler; k8s.io/kubernetes/pkg/registry/core/service/storage).
const unreachable = "error trying to reach service"

// proxied asks a Service or pod through the API server, which connects to its address.
func (p *Prober) proxied(ctx context.Context, resource string, req model.Request, b model.ProbePort) (model.Probe, error) {
	pr, ctx, cancel := p.check(ctx, model.FromAPIServer, b.Ref, b.Port)
	defer cancel()
	pr.Request = &req
	scheme := "http"
	if b.TLS {
		scheme = "https"
	}
	status := 0
	path, query, _ := strings.Cut(req.Path, "?")
	call := p.pods.Kube.CoreV1().RESTClient().Get().Namespace(b.Ref.Namespace).Resource(resource).
		Name(fmt.Sprintf("%s:%s:%d", scheme, b.Ref.Name, b.Port)).SubResource("proxy").Suffix(path).MaxRetries(0)
	if query != "" {
		call = call.Param(strings.SplitN(query+"=", "=", 2)[0], strings.TrimSuffix(strings.SplitN(query+"=", "=", 2)[1], "="))
	}
	body, err := call.Do(ctx).StatusCode(&status).Raw()
	took, says := p.now().Sub(pr.At), string(body[:min(len(body), 1<<10)])
	switch {
	case err == nil:
		pr.Status, pr.Took = status, took
		return pr, nil
	case apierrors.IsForbidden(err) && strings.Contains(err.Error(), "cannot"), apierrors.IsUnauthorized(err):
		return pr, fmt.Errorf("ask %s through the API server: %w", b.Ref, err)
	case strings.Contains(says, unreachable), strings.Contains(says, "no endpoints available"):
		return failed(pr, took, said(says)), nil
	case ctx.Err() != nil:
		return failed(pr, took, "deadline exceeded: "+context.Cause(ctx).Error()), nil
	}
	// An answer of the application itself that is no success.
	if state := apierrors.APIStatus(nil); errors.As(err, &state) && state.Status().Code != 0 {
		pr.Status, pr.Took = int(state.Status().Code), took
		if pr.Status >= http.StatusInternalServerError {
			pr.Failure, pr.Reason = model.UpstreamStatus, fmt.Sprintf("it answers %d itself", pr.Status)
		}
		return pr, nil
	}
	return pr, fmt.Errorf("ask %s through the API server: %w", b.Ref, err)
}

// said is the message of the API server's Status, or the text as it is.
func said(body string) string {
	var status struct {
		Message string `json:"message"`
	}
	if err := json.Unmarshal([]byte(body), &status); err != nil || status.Message == "" {
		return body
	}
	return status.Message
}
