package dataplane

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
)

// IngressNginx reads what ingress-nginx answers to /configuration/backends at its status port
// (kubernetes/ingress-nginx, rootfs/etc/nginx/lua/configuration.lua; the form is that of Backend in
// pkg/apis/ingress/types.go).
func IngressNginx(data []byte) ([]model.Loaded, error) {
	var doc []struct {
		Name    string `json:"name"`
		Service *struct {
			Metadata struct{ Name, Namespace string } `json:"metadata"`
		} `json:"service"`
		Port      json.RawMessage `json:"port"`
		Endpoints []struct {
			Address string `json:"address"`
			Port    string `json:"port"`
		} `json:"endpoints"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("read ingress-nginx's backends: %w", err)
	}
	var out []model.Loaded
	for _, b := range doc {
		l := model.Loaded{Source: "ingress-nginx /configuration/backends", Backend: b.Name, Port: strings.Trim(string(b.Port), `"`)}
		if b.Service != nil {
			l.Namespace, l.Service = b.Service.Metadata.Namespace, b.Service.Metadata.Name
		}
		for _, e := range b.Endpoints {
			l.Addresses = append(l.Addresses, net.JoinHostPort(e.Address, e.Port))
		}
		out = append(out, tidy(l))
	}
	return out, nil
}

// NginxConfig reads the upstream blocks of what `nginx -T` prints. Places that stand for "no endpoint" are not
// addresses: sockets, and 127.0.0.1:8181 of NGINX Inc.'s controller.
func NginxConfig(text string) []model.Loaded {
	var out []model.Loaded
	words := strings.Fields(comments(text))
	for i := 0; i+2 < len(words); i++ {
		if words[i] != "upstream" || words[i+2] != "{" {
			continue
		}
		l := model.Loaded{Source: "nginx -T", Backend: words[i+1]}
		for i += 3; i < len(words) && words[i] != "}"; i++ {
			if words[i] != "server" || i+1 == len(words) {
				continue
			}
			address := strings.TrimSuffix(words[i+1], ";")
			if host, _, err := net.SplitHostPort(address); err == nil && net.ParseIP(host) != nil && address != "127.0.0.1:8181" {
				l.Addresses = append(l.Addresses, address)
			}
		}
		out = append(out, tidy(l))
	}
	return out
}

// comments takes the comments away.
func comments(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if strings.HasPrefix(strings.TrimSpace(l), "#") {
			lines[i] = ""
		}
	}
	return strings.Join(lines, "\n")
}
