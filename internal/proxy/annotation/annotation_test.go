package annotation

import (
	"reflect"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

func TestForms(t *testing.T) {
	for _, tt := range []struct {
		name  string
		form  Form
		value string
		want  proxy.Setting
	}{
		{"seconds", Seconds, "75", proxy.Setting{Value: "75", Yes: true, Time: 75 * time.Second}},
		{"seconds with a unit", Seconds, "60s", proxy.Setting{Value: "60s", Wrong: `"60s" is not a bare number of seconds`}},
		{"a time of two units", Span(time.Second), "1m 30s", proxy.Setting{Value: "1m 30s", Yes: true, Time: 90 * time.Second}},
		{"a bare time", Span(time.Millisecond), "500", proxy.Setting{Value: "500", Yes: true, Time: 500 * time.Millisecond}},
		{"no time", Span(time.Second), "soon", proxy.Setting{Value: "soon", Wrong: `"soon" is not a time`}},
		{"bytes", Bytes, "16K", proxy.Setting{Value: "16K", Yes: true, Size: 16 << 10}},
		{"no bytes", Bytes, "16kb", proxy.Setting{Value: "16kb", Wrong: `"16kb" is not a size`}},
		{"too many bytes", Bytes, "9223372036854775807g", proxy.Setting{Value: "9223372036854775807g", Wrong: `"9223372036854775807g" is not a size`}},
		{"a word", OneOf("HTTP", "HTTPS"), "https", proxy.Setting{Value: "HTTPS", Yes: true}},
		{"another word", OneOf("HTTP", "HTTPS"), "tls", proxy.Setting{Value: "TLS", Yes: true, Wrong: `"tls" is none of HTTP, HTTPS`}},
		{"a switch", Switch, "true", proxy.Setting{Value: "true", Yes: true}},
		{"no switch", Switch, "yes", proxy.Setting{Value: "yes", Wrong: `"yes" is neither true nor false`}},
	} {
		if got := tt.form(tt.value); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestRead(t *testing.T) {
	table := Table{Prefixes: []string{"new/", "old/"}, Rows: []Row{{"read", proxy.ReadTimeout, Seconds}, {"host", proxy.UpstreamHost, Text}}}
	got := table.Read(model.Ref{Kind: "Ingress", Name: "a"}, map[string]string{
		"old/read": "5", "new/read": "7", "new/host": "x", "new/unknown": "1", "konghq.com/strip-path": "true", "argocd.argoproj.io/sync-wave": "1",
	})
	var names []string
	for _, s := range got {
		names = append(names, string(s.Knob)+" "+s.At.Field)
	}
	want := []string{
		"elsewhere metadata.annotations['konghq.com/strip-path']", "read-timeout metadata.annotations['new/read']",
		"read-timeout metadata.annotations['old/read']", "upstream-host metadata.annotations['new/host']",
	}
	if !reflect.DeepEqual(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
	if s, ok := got.Get(proxy.ReadTimeout); !ok || s.Time != 7*time.Second {
		t.Errorf("the stronger prefix says 7 s, got %+v", s)
	}
}
