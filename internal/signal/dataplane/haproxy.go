package dataplane

import (
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
)

// errNotServers says that a text is not what HAProxy answers.
var errNotServers = errors.New("read HAProxy's servers: the answer does not begin with the header of 'show servers state'")

// maintenance are the bits of srv_admin_state that take a server out (haproxy/haproxy,
// include/haproxy/server-t.h: SRV_ADMF_MAINT). Controllers keep spare servers in maintenance.
const maintenance = 0x23

// HAProxyServers reads what HAProxy answers to 'show servers state' (haproxy/haproxy, doc/management.txt, section 9.3):
// a version, a line that names the columns, and a line per server.
func HAProxyServers(text string) ([]model.Loaded, error) {
	var columns []string
	by := map[string]*model.Loaded{}
	var order []string
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) > 1 && words[0] == "#":
			columns = words[1:]
			continue
		case columns == nil || len(words) < len(columns):
			continue
		}
		get := func(name string) string {
			if i := slices.Index(columns, name); i >= 0 {
				return words[i]
			}
			return ""
		}
		name := get("be_name")
		if by[name] == nil {
			l := &model.Loaded{Source: "HAProxy 'show servers state'", Backend: name}
			l.Namespace, l.Service, l.Port = haproxyName(name)
			by[name], order = l, append(order, name)
		}
		admin, err := strconv.Atoi(get("srv_admin_state"))
		if err != nil || admin&maintenance != 0 || net.ParseIP(get("srv_addr")) == nil {
			continue
		}
		by[name].Addresses = append(by[name].Addresses, net.JoinHostPort(get("srv_addr"), get("srv_port")))
	}
	if columns == nil {
		return nil, errNotServers
	}
	var out []model.Loaded
	for _, name := range order {
		out = append(out, tidy(*by[name]))
	}
	return out, nil
}

// haproxyName takes NAMESPACE_svc_SERVICE_PORT apart, the name of HAProxy Technologies' controller.
func haproxyName(name string) (namespace, service, port string) {
	namespace, rest, ok := strings.Cut(name, "_svc_")
	i := strings.LastIndexByte(rest, '_')
	if !ok || i < 0 {
		return "", "", ""
	}
	return namespace, rest[:i], rest[i+1:]
}

// tidy sorts the addresses and names each once.
func tidy(l model.Loaded) model.Loaded {
	slices.Sort(l.Addresses)
	l.Addresses = slices.Compact(l.Addresses)
	return l
}
