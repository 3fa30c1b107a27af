//go:build lab

package haproxy_test

import (
	"testing"

	"github.com/gatemend/gatemend/lab/gateway"
	"github.com/gatemend/gatemend/lab/gateway/gatewaytest"
	"github.com/gatemend/gatemend/lab/gateway/haproxy"
)

func TestRealHAProxyAnswersAndLogsAsItsController(t *testing.T) {
	table, _ := gatewaytest.Failing(t)
	options := haproxy.Options{Listen: gatewaytest.FreeAddress(t), Health: gatewaytest.FreeAddress(t), Stats: gatewaytest.FreeAddress(t), Folder: t.TempDir()}
	p := &gatewaytest.Proxy{Address: options.Listen, Render: func(t gateway.Table) string { return haproxy.Render(t, options) }}
	p.Process = haproxy.Process(gatewaytest.Program(t, "haproxy"), options.Folder, &p.Stdout, &p.Stderr)
	p.Load(t, table)
	const start = `127\.0\.0\.1:\d+ \[[^]]+\] http `
	cases := []struct {
		host, access string
		want         int
	}{
		{"good.test", start + `shop_svc_good_80/SRV_1 0/0/\d+/\d+/\d+ 200 \d+ - - ---- [\d/]+ 0/0 "GET good\.test/ HTTP/1\.1"`, 200},
		{"empty.test", start + `shop_svc_empty_80/<NOSRV> 0/-1/-1/-1/\d+ 503 \d+ - - SC-- `, 503},
		{"refused.test", start + `shop_svc_refused_80/SRV_\d 0/0/-1/-1/3\d\d\d 503 \d+ - - SC-- \d+/\d+/\d+/\d+/3 `, 503},
		{"closing.test", start + `shop_svc_closing_80/SRV_1 0/0/\d+/-1/\d+ 502 \d+ - - SH-- `, 502},
		{"failing.test", start + `shop_svc_failing_80/SRV_1 0/0/\d+/\d+/\d+ 502 \d+ - - ---- `, 502},
		{"big.test", start + `shop_svc_big_80/SRV_1 0/0/\d+/-1/\d+ 502 \d+ - - PH-- `, 502},
		{"nobody.test", start + `haproxy-controller_svc_default-local-service_http/<NOSRV> 0/-1/-1/-1/0 404 \d+ - - LR-- `, 404},
	}
	for _, c := range cases {
		if got := p.Get(t, c.host); got != c.want {
			t.Errorf("%s: got status %d, want %d", c.host, got, c.want)
		}
		p.Stdout.Await(t, c.access)
	}
	p.TestReloads(t, table)
}
