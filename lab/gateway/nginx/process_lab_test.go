//go:build lab

package nginx_test

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/gatemend/gatemend/lab/gateway"
	"github.com/gatemend/gatemend/lab/gateway/gatewaytest"
	"github.com/gatemend/gatemend/lab/gateway/nginx"
)

func TestRealNginxAnswersAndLogsAsIngressNginx(t *testing.T) {
	table, good := gatewaytest.Failing(t)
	options := nginx.Options{Listen: gatewaytest.FreeAddress(t), Folder: t.TempDir()}
	p := &gatewaytest.Proxy{Address: options.Listen, Render: func(t gateway.Table) string { return nginx.Render(t, options) }}
	p.Process = nginx.Process(gatewaytest.Program(t, "nginx"), options.Folder, &p.Stdout, &p.Stderr)
	p.Load(t, table)
	const anyTime = `\[[^]]+\]`
	cases := []struct {
		host, access, errors string
		want                 int
	}{
		{"good.test", fmt.Sprintf(`127\.0\.0\.1 - - %s "GET / HTTP/1\.1" 200 \d+ "-" "Go-http-client/1\.1" \d+ [\d.]+ \[shop-good-80\] \[\] %s \d+ [\d.]+ 200 [0-9a-f]{32}\n`, anyTime, regexp.QuoteMeta(good)), "", 200},
		{"empty.test", `" 503 190 "-" "Go-http-client/1\.1" \d+ [\d.]+ \[shop-empty-80\] \[\] - - - - [0-9a-f]{32}\n`, "", 503},
		{"refused.test", `" 502 150 .* \[shop-refused-80\] \[\] 127\.0\.0\.1:\d+, 127\.0\.0\.1:\d+ 0, 0 [\d.]+, [\d.]+ 502, 502 [0-9a-f]{32}\n`,
			`\[error\] \d+#\d+: \*\d+ connect\(\) failed \(111: Connection refused\) while connecting to upstream, client: 127\.0\.0\.1, server: refused\.test, request: "GET / HTTP/1\.1", upstream: "http://127`, 502},
		{"big.test", `" 502 150 .* \[shop-big-80\]`, `upstream sent too big header while reading response header from upstream`, 502},
		{"closing.test", `" 502 150 .* \[shop-closing-80\]`, `upstream prematurely closed connection while reading response header from upstream`, 502},
		{"failing.test", `" 502 \d+ .* \[shop-failing-80\] \[\] \S+ [1-9]\d* [\d.]+ 502 `, "", 502},
		{"nobody.test", `" 404 146 .* \[upstream-default-backend\] \[\] - - - - `, "", 404},
	}
	for _, c := range cases {
		if got := p.Get(t, c.host); got != c.want {
			t.Errorf("%s: got status %d, want %d", c.host, got, c.want)
		}
		p.Stdout.Await(t, c.access)
		p.Stderr.Await(t, c.errors)
	}
	p.TestReloads(t, table)
}
