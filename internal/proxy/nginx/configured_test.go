package nginx

import (
	"testing"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

func TestLogFormat(t *testing.T) {
	for name, test := range map[string]struct {
		data map[string]string
		want string
	}{
		"nothing is set":             {map[string]string{"proxy-read-timeout": "60"}, ""},
		"ingress-nginx":              {map[string]string{"log-format-upstream": "$status $request\n"}, "$status $request"},
		"ingress-nginx, JSON":        {map[string]string{"log-format-upstream": `{"s": "$status"}`, "log-format-escape-json": "true"}, `escape=json {"s": "$status"}`},
		"ingress-nginx, not escaped": {map[string]string{"log-format-upstream": "$status", "log-format-escape-none": "true"}, "escape=none $status"},
		"F5, in two lines":           {map[string]string{"log-format": "$status \n$request"}, "$status $request"},
		"F5, JSON":                   {map[string]string{"log-format": `{"s": "$status"}`, "log-format-escaping": "json"}, `escape=json {"s": "$status"}`},
		"only how F5 escapes":        {map[string]string{"log-format-escaping": "json"}, ""},
	} {
		if got := logFormat(test.data); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

// TestConfiguredF5 reads a line as a ConfigMap of F5's controller has it written.
func TestConfiguredF5(t *testing.T) {
	p, err := Compile(logFormat(map[string]string{"log-format": `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_user_agent" rt=$request_time uct=$upstream_connect_time uht=$upstream_header_time ` +
		"\n" + `urt=$upstream_response_time upstream=$upstream_addr us=$upstream_status $resource_type/$resource_namespace/$resource_name $service`}))
	if err != nil {
		t.Fatal(err)
	}
	var s model.Signal
	class := p.Parse([]byte(`203.0.113.10 - - [12/May/2026:10:07:10 +0000] "POST /hooks HTTP/1.1" 504 167 "Webhooks/2.3" rt=10.008 uct=5.003, 5.005 uht=-, - urt=5.003, 5.005 upstream=10.233.3.5:8000, 10.233.2.6:8000 us=504, 504 virtualserver/integrations/hooks hooks-receiver`), &s)
	if class != proxy.Access || s.Status != 504 || len(s.Tries) != 2 || s.Service != "hooks-receiver" {
		t.Errorf("got class %v, %+v", class, s)
	}
}
