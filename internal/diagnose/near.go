package diagnose

import (
	"slices"
	"strings"
)

// distance is the number of letters to insert, delete, replace or swap to get from a to b, at most
// limit+1.
func distance(a, b string, limit int) int {
	if d := len(a) - len(b); d > limit || -d > limit {
		return limit + 1
	}
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		rows[2][0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			n := min(rows[1][j]+1, rows[2][j-1]+1, rows[1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				n = min(n, rows[0][j-2]+1)
			}
			rows[2][j] = n
		}
		rows[0], rows[1], rows[2] = rows[1], rows[2], rows[0]
	}
	return rows[1][len(b)]
}

// alike reports whether two names are probably meant to be the same: a slip of the pen, or the same
// word with a usual ending.
func alike(a, b string) bool {
	if a == b {
		return true
	}
	limit := min(2, max(len(a), len(b))/3)
	if distance(a, b, limit) <= limit {
		return true
	}
	return trim(a) == trim(b)
}

// trim cuts the endings that people add to or leave off names of Services.
func trim(name string) string {
	for _, end := range []string{"-service", "-svc", "service", "svc", "-app", "-server", "s"} {
		if cut, ok := strings.CutSuffix(name, end); ok && len(cut) > 2 {
			return cut
		}
	}
	return name
}

// contains reports whether one name is a dash-separated part of the other: cart in shopping-cart.
func contains(a, b string) bool {
	return slices.Contains(strings.Split(a, "-"), b) || slices.Contains(strings.Split(b, "-"), a)
}
