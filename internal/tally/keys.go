package tally

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"math/bits"
)

// maxKeys bounds a keys table; lines with further keys are read in full.
const maxKeys = 1 << 16

// keys finds the route of a line by the parts of it that tell the route, without making strings of them. It
// is an open-addressing table: a line costs one hash and, nearly always, one comparison.
type keys struct {
	seed    maphash.Seed
	secrets [2]uint64 // made of the seed
	slots   []keySlot // a power of two, at most half full
	n       int
}

type keySlot struct {
	hash  uint64
	parts []byte // joined, each with a zero byte after it; nil: empty slot
	route int32
}

func newKeys() *keys {
	k := &keys{seed: maphash.MakeSeed(), slots: make([]keySlot, 256)}
	k.secrets = [2]uint64{maphash.String(k.seed, "first"), maphash.String(k.seed, "second")}
	return k
}

// find returns the route that was added for the parts, and their hash.
func (k *keys) find(parts [][]byte) (hash uint64, route int32, ok bool) {
	hash = k.hash(parts)
	mask := uint64(len(k.slots) - 1)
	for i := hash & mask; k.slots[i].parts != nil; i = (i + 1) & mask {
		if s := &k.slots[i]; s.hash == hash && same(s.parts, parts) {
			return hash, s.route, true
		}
	}
	return hash, 0, false
}

// hash of parts. The length of each goes in, so that "a"+"bc" is not "ab"+"c".
func (k *keys) hash(parts [][]byte) uint64 {
	if len(parts) == 1 {
		return k.part(parts[0]) ^ uint64(len(parts[0]))
	}
	var h uint64
	for _, p := range parts {
		h = (h ^ k.part(p) ^ uint64(len(p))) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	return h
}

// part hashes one part. Names are mostly of at most 16 bytes: two words that overlap are all of it, and one multiplication
// mixes them with secrets, as wyhash does (wangyi-fudan/wyhash), so that nobody can make up paths that collide.
func (k *keys) part(p []byte) uint64 {
	n := len(p)
	if n > 16 {
		return maphash.Bytes(k.seed, p)
	}
	a, b := ends(p)
	high, low := bits.Mul64(a^k.secrets[0], b^k.secrets[1])
	return high ^ low
}

// ends are two numbers that, with its length, tell a text of at most 16 bytes from all others.
func ends(p []byte) (a, b uint64) {
	switch n := len(p); {
	case n >= 8:
		return binary.LittleEndian.Uint64(p), binary.LittleEndian.Uint64(p[n-8:])
	case n >= 4:
		return uint64(binary.LittleEndian.Uint32(p)), uint64(binary.LittleEndian.Uint32(p[n-4:]))
	case n > 0:
		return uint64(p[0])<<16 | uint64(p[n/2])<<8 | uint64(p[n-1]), 0
	default:
		return 0, 0
	}
}

func same(joined []byte, parts [][]byte) bool {
	if len(parts) == 1 {
		n := len(parts[0])
		return len(joined) == n+1 && equal(joined[:n], parts[0])
	}
	for _, p := range parts {
		n := len(p)
		if len(joined) < n+1 || joined[n] != 0 || !equal(joined[:n], p) {
			return false
		}
		joined = joined[n+1:]
	}
	return len(joined) == 0
}

// equal is bytes.Equal of texts of the same length, without a call for short ones.
func equal(a, b []byte) bool {
	if len(a) > 16 {
		return bytes.Equal(a, b)
	}
	a1, a2 := ends(a)
	b1, b2 := ends(b)
	return a1 == b1 && a2 == b2
}

// add notes the route of parts that were not found. It reports false if there is no room.
func (k *keys) add(hash uint64, parts [][]byte, route int32) bool {
	if k.n >= maxKeys {
		return false
	}
	if 2*k.n >= len(k.slots) {
		k.grow()
	}
	var joined []byte
	for _, p := range parts {
		joined = append(append(joined, p...), 0)
	}
	k.put(keySlot{hash: hash, parts: joined, route: route})
	k.n++
	return true
}

func (k *keys) put(s keySlot) {
	mask := uint64(len(k.slots) - 1)
	i := s.hash & mask
	for k.slots[i].parts != nil {
		i = (i + 1) & mask
	}
	k.slots[i] = s
}

func (k *keys) grow() {
	old := k.slots
	k.slots = make([]keySlot, 2*len(old))
	for _, s := range old {
		if s.parts != nil {
			k.put(s)
		}
	}
}
