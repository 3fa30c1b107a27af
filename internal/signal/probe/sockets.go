package probe

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
)

// listen is the state of a listening socket in /proc/net/tcp (include/net/tcp_states.h: TCP_LISTEN).
const listen = "0A"

// Sockets reads the listening sockets from the text of /proc/net/tcp and /proc/net/tcp6, in order, each once.
// Lines in another form are passed over: the kernel prints a heading, and only whole lines count.
func Sockets(table []byte) []netip.AddrPort {
	var out []netip.AddrPort
	for line := range bytes.Lines(table) {
		f := bytes.Fields(line)
		if len(f) < 4 || string(f[3]) != listen {
			continue
		}
		host, port, ok := bytes.Cut(f[1], []byte{':'})
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(string(port), 16, 16)
		addr, ok := address(host)
		if err != nil || !ok {
			continue
		}
		out = append(out, netip.AddrPortFrom(addr, uint16(n)))
	}
	slices.SortFunc(out, netip.AddrPort.Compare)
	return slices.Compact(out)
}

// address reads the kernel's form: each group of four bytes is printed as a number in the machine's order,
// which is little-endian on all platforms of Kubernetes but s390x.
func address(text []byte) (netip.Addr, bool) {
	raw := make([]byte, hex.DecodedLen(len(text)))
	if _, err := hex.Decode(raw, text); err != nil || len(raw)%4 != 0 {
		return netip.Addr{}, false
	}
	for i := 0; i < len(raw); i += 4 {
		slices.Reverse(raw[i : i+4])
	}
	addr, ok := netip.AddrFromSlice(raw)
	return addr.Unmap(), ok
}
