package demo

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/gatemend/gatemend/lab/fault"
	"github.com/gatemend/gatemend/lab/manifest"
)

// unlogged says that no line of the gateway's log since a time shows a fault as it should, or nothing if one does: the answer that
// clients got would not tell a proxy's reason from another one.
func (d *demo) unlogged(ctx context.Context, f fault.Fault, since time.Time) (string, error) {
	if f.WantLog == "" {
		return "", nil
	}
	line, err := regexp.Compile("(?m)" + f.WantLog)
	if err != nil {
		return "", fmt.Errorf("log pattern of %s: %w", f.Name, err)
	}
	gateways := manifest.Gateways()
	text, err := d.client.GatewayLog(ctx, gateways[slices.IndexFunc(gateways, func(g manifest.Gateway) bool { return g.Name == f.Gateway })], since)
	if err != nil {
		return "", err
	}
	if line.MatchString(text) {
		return "", nil
	}
	return fmt.Sprintf("no line in the log of %s matches %s", f.Gateway, f.WantLog), nil
}
