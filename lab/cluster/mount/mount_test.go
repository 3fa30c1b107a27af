//go:build linux

package mount

import (
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	const text = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
36 22 0:33 / /var/lib/gatemend-lab/a\040b/x rw - tmpfs tmpfs rw
37 22 0:34 / /back\134slash rw - overlay overlay rw,lowerdir=` + "/l" + `
`
	got, err := parse(strings.NewReader(text))
	want := []string{"/", "/var/lib/gatemend-lab/a b/x", `/back\slash`}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("parse = %q, %v, want %q", got, err, want)
	}
}

func TestParseLongLine(t *testing.T) {
	line := "37 22 0:34 / /rootfs rw - overlay overlay rw,lowerdir=" + strings.Repeat("/layer:", 20_000)
	got, err := parse(strings.NewReader(line))
	if err != nil || !slices.Equal(got, []string{"/rootfs"}) {
		t.Errorf("parse = %q, %v", got, err)
	}
}

func TestParseRefusesAnotherFormat(t *testing.T) {
	if got, err := parse(strings.NewReader("tmpfs /run tmpfs rw\n")); err == nil {
		t.Errorf("parse of /proc/mounts' format = %q, want an error", got)
	}
}

func TestBelowIsNotAPrefixOfNames(t *testing.T) {
	got, err := Below("/pro")
	if err != nil || len(got) != 0 {
		t.Errorf("Below(/pro) = %q, %v, want nothing: /proc is not below it", got, err)
	}
	got, err = Below("/proc")
	if err != nil || !slices.Contains(got, "/proc") {
		t.Errorf("Below(/proc) = %q, %v, want it to hold /proc", got, err)
	}
}
