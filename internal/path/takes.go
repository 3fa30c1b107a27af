package path

// Takes reports whether a rule takes a path, whatever the host, method, headers and query.
func (r Route) Takes(p string) bool { return r.takes(p) }
