package field

import "bytes"

// Joint splits NAMESPACE-SERVICE-PORT. All three may have dashes in them: only a name of exactly three parts can
// be split without knowing the cluster's Services; path.Map.Locate tries the others against those.
func Joint(name []byte) (namespace, service, port []byte, ok bool) {
	if bytes.Count(name, []byte{'-'}) != 2 {
		return nil, nil, nil, false
	}
	namespace, rest, _ := bytes.Cut(name, []byte{'-'})
	service, port, _ = bytes.Cut(rest, []byte{'-'})
	if len(namespace) == 0 || len(service) == 0 || len(port) == 0 {
		return nil, nil, nil, false
	}
	return namespace, service, port, true
}
