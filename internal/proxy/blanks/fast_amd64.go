package blanks

import "golang.org/x/sys/cpu"

// fast finds the first line with what the processor has for it. It reports false if that is nothing, or if less than 64 bytes of
// memory may be left where the line ends.
func (l *Line) fast(text []byte) bool {
	switch {
	case len(text) == 0 || !has256():
		return false
	case has512():
		return scan512(&text[0], len(text), cap(text), l)
	default:
		return scan256(&text[0], len(text), cap(text), l)
	}
}

// has512 says whether the processor has what scan512 needs; Intel's have since 2019, AMD's since 2022.
func has512() bool { return has256() && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VBMI2 }

// has256 says whether it has what scan256 needs; Intel's have since 2013, AMD's since 2015.
func has256() bool {
	return cpu.X86.HasAVX2 && cpu.X86.HasBMI1 && cpu.X86.HasPOPCNT && cpu.X86.HasPCLMULQDQ
}

// scan512 finds the first line of a text of n bytes, 64 of them at a time, and reports false before it would read more than room.
//
//go:noescape
func scan512(text *byte, n, room int, l *Line) bool

// scan256 is scan512 for processors without AVX-512, and takes half as long again.
//
//go:noescape
func scan256(text *byte, n, room int, l *Line) bool
