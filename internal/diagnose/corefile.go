package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// directive is one plugin of a Corefile's server block, with the lines in its braces.
type directive struct {
	name string
	args []string
	body [][]string // fields of each line
	line string     // as written, without the brace
}

// server is a server block of a Corefile.
type server struct {
	zones   []string
	plugins []directive
}

// parseCorefile reads a Corefile's blocks (coredns.io/manual/configuration). What does not fit is
// skipped: CoreDNS itself refuses it, and says so in its log.
func parseCorefile(text string) []server {
	var out []server
	depth := 0
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		opens := strings.HasSuffix(line, "{")
		words := strings.Fields(strings.TrimSpace(strings.TrimSuffix(line, "{")))
		switch {
		case line == "":
			continue
		case line == "}":
			depth = max(0, depth-1)
			continue
		case depth == 0 && opens:
			out = append(out, server{zones: zonesOf(words)})
		case depth == 1 && len(words) > 0:
			s := &out[len(out)-1]
			s.plugins = append(s.plugins, directive{name: words[0], args: words[1:], line: strings.Join(words, " ")})
		case depth == 2 && len(out[len(out)-1].plugins) > 0:
			s := &out[len(out)-1]
			p := &s.plugins[len(s.plugins)-1]
			p.body = append(p.body, words)
		}
		if opens {
			depth++
		}
	}
	return out
}

// zonesOf takes the ports and schemes off a server block's names.
func zonesOf(words []string) []string {
	var out []string
	for _, w := range words {
		w = strings.TrimPrefix(strings.TrimSuffix(w, ","), "dns://")
		w, _, _ = strings.Cut(w, ":")
		out = append(out, w)
	}
	return out
}

// covers reports whether a name is in one of the zones, and how long that zone is.
func covers(zones []string, name string) (length int, ok bool) {
	length = -1
	for _, z := range zones {
		z = strings.Trim(z, ".")
		if (z == "" || name == z || strings.HasSuffix(name, "."+z)) && len(z) > length {
			length, ok = len(z), true
		}
	}
	return length, ok
}

// misanswers says which line of a Corefile keeps a name from being resolved; empty if none is seen to.
// inside is set for names of the cluster's Services.
func misanswers(text, name string, inside bool) (rule string) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	servers := parseCorefile(text)
	best, length := -1, -1
	for i, s := range servers {
		if n, ok := covers(s.zones, name); ok && n > length {
			best, length = i, n
		}
	}
	if best < 0 {
		return ""
	}
	s := servers[best]
	for _, p := range s.plugins {
		switch {
		case p.answers(name):
			return p.line
		case p.name == "hosts" && p.ends(s.zones, name):
			return p.line + ", which has no fallthrough"
		}
	}
	return s.unserved(name, inside)
}

// unserved says that no plugin of a server block answers for a name.
func (s server) unserved(name string, inside bool) string {
	has := func(plugin string) (directive, bool) {
		i := slices.IndexFunc(s.plugins, func(p directive) bool { return p.name == plugin })
		if i < 0 {
			return directive{}, false
		}
		return s.plugins[i], true
	}
	k, kubernetes := has("kubernetes")
	_, forward := has("forward")
	switch {
	case inside && !kubernetes:
		return fmt.Sprintf("its block for %s has no kubernetes plugin", strings.Join(s.zones, " "))
	case inside:
		if _, ok := covers(k.args, name); !ok && len(k.args) > 0 {
			return k.line + " does not serve the zone of " + name
		}
		for _, b := range k.body {
			labels := strings.Split(name, ".")
			if b[0] == "namespaces" && len(labels) > 1 && !slices.Contains(b[1:], labels[1]) {
				return k.line + " serves only the namespaces " + strings.Join(b[1:], ", ")
			}
		}
	case !forward:
		return fmt.Sprintf("its block for %s forwards to no other server", strings.Join(s.zones, " "))
	}
	return ""
}

// answers reports whether a plugin answers for a name in the place of what would be right.
func (p directive) answers(name string) bool {
	switch p.name {
	case "template":
		return p.template(name)
	case "rewrite":
		return p.rewrites(name)
	case "hosts":
		return slices.ContainsFunc(p.body, func(b []string) bool { return slices.Contains(b[1:], name) })
	case "file", "auto":
		_, ok := covers(p.args[min(1, len(p.args)):], name)
		return ok && len(p.args) > 1
	case "acl":
		return slices.ContainsFunc(p.body, func(b []string) bool { return b[0] == "block" || b[0] == "drop" || b[0] == "filter" })
	case "erratic":
		return true
	default:
		return false
	}
}

// ends reports whether a hosts plugin lets no other one answer for a name that is not in it: without fallthrough, or with one for
// other zones (coredns.io/plugins/hosts).
func (p directive) ends(zones []string, name string) bool {
	if len(p.args) > 1 {
		zones = p.args[1:]
	}
	_, asked := covers(zones, name)
	return asked && !slices.ContainsFunc(p.body, func(b []string) bool {
		if b[0] != "fallthrough" {
			return false
		}
		_, through := covers(b[1:], name)
		return through || len(b) == 1
	})
}

// template reports whether a template plugin refuses a name: template CLASS TYPE [ZONE...], with
// regular expressions that the name must match (coredns.io/plugins/template).
func (p directive) template(name string) bool {
	if len(p.args) > 2 {
		if _, ok := covers(p.args[2:], name); !ok {
			return false
		}
	}
	if len(p.args) > 1 && !slices.Contains([]string{"ANY", "A"}, strings.ToUpper(p.args[1])) {
		return false // for AAAA alone, a usual way to keep IPv6 off
	}
	matches, any := false, false
	for _, b := range p.body {
		if b[0] != "match" {
			continue
		}
		any = true
		for _, expression := range b[1:] {
			re, err := regexp.Compile(strings.Trim(expression, `"`))
			matches = matches || err == nil && re.MatchString(name+".")
		}
	}
	return matches || !any
}

// rewrites reports whether a rewrite plugin turns a name into another one (coredns.io/plugins/rewrite).
func (p directive) rewrites(name string) bool {
	args := p.args
	if len(args) > 0 && (args[0] == "stop" || args[0] == "continue") {
		args = args[1:]
	}
	if len(args) < 3 || args[0] != "name" {
		return false
	}
	kind, from, to := args[1], args[2], args[len(args)-1]
	if !slices.Contains([]string{"exact", "prefix", "suffix", "substring", "regex"}, kind) {
		kind, from, to = "exact", args[1], args[2]
	} else if len(args) > 3 {
		to = args[3]
	}
	from, to = strings.Trim(from, `"`), strings.Trim(to, `"`)
	switch kind {
	case "prefix":
		return strings.HasPrefix(name, from) && from != to
	case "suffix":
		return strings.HasSuffix(name, strings.Trim(from, ".")) && from != to
	case "substring":
		return strings.Contains(name, from) && from != to
	case "regex":
		re, err := regexp.Compile(from)
		return err == nil && re.MatchString(name+".") && from != to
	default:
		return name == strings.TrimSuffix(from, ".") && from != to
	}
}
