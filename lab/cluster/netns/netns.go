// Package netns makes, enters and removes named network namespaces.
//
// A namespace belongs to a thread, so to do something inside one, a goroutine
// is tied to a thread, the thread is moved, and it is thrown away afterwards:
// handing it back to the scheduler would let unrelated code run in the
// namespace. What is created inside stays inside: a socket keeps the namespace
// it was made in, and a child process inherits that of the thread that starts
// it. That is how a program in the host's namespace talks to a lab.
//
// Only the network namespace changes. `ip netns exec` would also remount /sys
// and hide the cgroups in it, without which a kubelet does not start.
package netns

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
)

// Folder is where named namespaces are mounted; `ip netns` lists it.
const Folder = "/run/netns"

// Path is the file of a named namespace.
func Path(name string) string { return filepath.Join(Folder, name) }

// Dial connects from inside the namespace of the given file. The connection
// may then be used from any goroutine. The address must be numeric: a lookup
// would run on other threads, outside.
func Dial(ctx context.Context, path, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("dial %s in %s: %w", address, path, err)
	}
	if net.ParseIP(host) == nil {
		return nil, fmt.Errorf("dial %s in %s: only numeric addresses can be reached in a namespace", address, path)
	}
	var conn net.Conn
	err = Do(path, func() error {
		var err error
		// One address and no fallback: the dial stays on this thread.
		conn, err = (&net.Dialer{FallbackDelay: -1}).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}
