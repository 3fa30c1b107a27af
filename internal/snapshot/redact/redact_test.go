package redact_test

import (
	"encoding/json"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	"github.com/gatemend/gatemend/internal/snapshot/redact"
)

func TestSecretNames(t *testing.T) {
	for name, want := range map[string]bool{
		"DB_PASSWORD": true, "password": true, "PGPASS": false, "DB_PASS": true, "API_KEY": true, "api-key": true,
		"AWS_SECRET_ACCESS_KEY": true, "GITHUB_TOKEN": true, "Authorization": true, "Cookie": true, "SENTRY_DSN": true,
		"PORT": false, "DB_HOST": false, "PARTITION_KEY": false, "SORT_KEY": false, "secretName": false, "TOKEN_URL": false,
		"PASSWORD_FILE": false, "AUTHOR": false, "COMPASS_URL": false, "KEY": false, "TOKEN_TTL": false,
	} {
		if got := redact.Secret(name); got != want {
			t.Errorf("Secret(%q) = %v, want %v", name, got, want)
		}
	}
}

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		`connect to postgres://cart:s3cr3t@db:5432/cart failed`:                                                          `connect to postgres://cart:REDACTED@db:5432/cart failed`,
		`dial redis://:p@ss@cache:6379`:                                                                                  `dial redis://:REDACTED@cache:6379`,
		`Authorization: Bearer abcdefgh12345678`:                                                                         `Authorization: Bearer REDACTED`,
		`jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-def_x done`:                                                    `jwt REDACTED done`,
		`GET /login?user=ann&password=hunter2&next=/ HTTP/1.1`:                                                           `GET /login?user=ann&password=REDACTED&next=/ HTTP/1.1`,
		`{"level":"info","token":"abc123","port":8080}`:                                                                  `{"level":"info","token":"REDACTED","port":8080}`,
		`started with --db-password hunter2 --port 8080`:                                                                 `started with --db-password REDACTED --port 8080`,
		`key AKIAIOSFODNN7EXAMPLE used`:                                                                                  `key REDACTED used`,
		`Set-Cookie: session=abc; Path=/`:                                                                                `Set-Cookie: REDACTED`,
		"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----":                                           `REDACTED`,
		`connect() failed (111: Connection refused) while connecting to upstream, upstream: "http://10.0.0.7:8080/cart"`: `connect() failed (111: Connection refused) while connecting to upstream, upstream: "http://10.0.0.7:8080/cart"`,
		`panic: missing key "PORT"`:                                                                                      `panic: missing key "PORT"`,
	} {
		if got := redact.Line(in); got != want {
			t.Errorf("Line(%q)\n got %q\nwant %q", in, got, want)
		}
	}
}

// TestLineTwice: what was redacted when a dump was written must look the same when it is read and
// written again.
func TestLineTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.StringMatching(`(a://u:p@h |token=x |Bearer abcdefgh1 |--password q |cookie: c |eyJabcdefghi\.abcdefghij |k )*`).Draw(t, "line")
		once := redact.Line(line)
		if twice := redact.Line(once); twice != once {
			t.Fatalf("%q became %q, then %q", line, once, twice)
		}
	})
}

func text(t *testing.T, o metav1.Object) string {
	t.Helper()
	data, err := redact.Object(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestObject(t *testing.T) {
	const secret = "hunter2"
	meta := metav1.ObjectMeta{
		Namespace: "shop", Name: "cart",
		ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubectl"}},
		Annotations: map[string]string{
			"kubectl.kubernetes.io/last-applied-configuration": `{"password":"` + secret + `"}`,
			"example.com/api-token":                            secret,
			"nginx.ingress.kubernetes.io/auth-secret":          "shop/basic-auth",
			"nginx.ingress.kubernetes.io/proxy-buffer-size":    "16k",
		},
	}
	pod := &corev1.Pod{ObjectMeta: meta, Spec: corev1.PodSpec{Containers: []corev1.Container{{
		Name:    "app",
		Command: []string{"/app", "--db-password", secret, "--port", "8080"},
		Args:    []string{"--api-key=" + secret, "--listen=127.0.0.1:9090"},
		Env: []corev1.EnvVar{
			{Name: "DB_PASSWORD", Value: secret},
			{Name: "DATABASE_URL", Value: "postgres://cart:" + secret + "@db/cart"},
			{Name: "PORT", Value: "9090"},
			{Name: "API_KEY", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{Key: "api-key", LocalObjectReference: corev1.LocalObjectReference{Name: "cart-secrets"}}}},
		},
		ReadinessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
			Path: "/ready", HTTPHeaders: []corev1.HTTPHeader{{Name: "Authorization", Value: "x" + secret}},
		}}},
	}}}}
	config := &corev1.ConfigMap{ObjectMeta: meta, Data: map[string]string{"app.conf": secret, "Corefile": ".:53 { forward . /etc/resolv.conf }"}, BinaryData: map[string][]byte{"blob": []byte(secret)}}
	custom := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "example.com/v1", "kind": "Database",
		"metadata": map[string]any{"name": "cart", "namespace": "shop"},
		"spec":     map[string]any{"adminPassword": secret, "passwordSecretRef": map[string]any{"name": "db"}, "secretName": "db-credentials"},
	}}
	plugin := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "configuration.konghq.com/v1", "kind": "KongPlugin", "plugin": "openid-connect",
		"metadata": map[string]any{"name": "sso", "namespace": "shop"},
		"config": map[string]any{
			"client_id": []any{"cart"}, "client_secret": []any{secret}, "redis": map[string]any{"password": secret, "host": "cache"}, "max_tokens": 5,
			"cookie_names": []any{"session"}, "issuer": "https://cart:" + secret + "@sso.test",
		},
	}}
	for name, tc := range map[string]struct {
		object metav1.Object
		keeps  []string
	}{
		"plugin":    {plugin, []string{"openid-connect", `["cart"]`, `"client_secret":["REDACTED"]`, "cache", `"max_tokens":5`, `["session"]`, "https://cart:REDACTED@sso.test"}},
		"pod":       {pod, []string{"127.0.0.1:9090", `"8080"`, `"9090"`, "cart-secrets", "api-key", "/ready", "16k", "shop/basic-auth", "DB_PASSWORD", "postgres://cart:REDACTED@db/cart"}},
		"configmap": {config, []string{"app.conf", "Corefile", "forward . /etc/resolv.conf", "blob"}},
		"custom":    {custom, []string{"adminPassword", "passwordSecretRef", "db-credentials"}},
		"secret":    {&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "s"}, Data: map[string][]byte{"password": []byte(secret)}}, []string{`"password"`}},
	} {
		t.Run(name, func(t *testing.T) {
			got := text(t, tc.object)
			for _, bad := range []string{secret, "aHVudGVyMg", "last-applied", "managedFields"} {
				if strings.Contains(got, bad) {
					t.Errorf("%q is still in %s", bad, got)
				}
			}
			for _, good := range tc.keeps {
				if !strings.Contains(got, good) {
					t.Errorf("%q is not in %s", good, got)
				}
			}
			if !json.Valid([]byte(got)) {
				t.Error("not JSON")
			}
		})
	}
	if pod.Spec.Containers[0].Env[0].Value != secret || len(pod.Annotations) != 4 {
		t.Error("the object itself was changed")
	}
}
