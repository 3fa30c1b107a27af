package demo

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestOnlyChangesByGatemendCount(t *testing.T) {
	log := auditLog(filepath.Join(t.TempDir(), "audit.log"))
	if _, err := log.end(); err == nil || !strings.Contains(err.Error(), "lab down") {
		t.Errorf("without a log: error %v, want one that says what to do", err)
	}
	write := func(lines ...string) {
		t.Helper()
		if err := os.WriteFile(string(log), []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	entry := func(user, verb, uri, code string) string {
		return `{"stage":"ResponseComplete","requestURI":"/apis/apps/v1/namespaces/shop/deployments/api` + uri + `","verb":"` + verb +
			`","user":{"username":"lab-admin"},"impersonatedUser":{"username":"` + user + `"},` +
			`"objectRef":{"resource":"deployments","namespace":"shop","name":"api"},"responseStatus":{"code":` + code + `}}`
	}
	before := entry("gatemend", "patch", "", "200")
	write(before)
	end, err := log.end()
	if err != nil || end != int64(len(before)+1) {
		t.Fatalf("the log ends at %d, %v; want %d", end, err, len(before)+1)
	}
	others := []string{
		entry("gatemend", "get", "", "200"), entry("gatemend", "patch", "?dryRun=All", "200"), entry("gatemend", "patch", "", "409"),
		entry("somebody", "patch", "", "200"),
	}
	write(append([]string{before}, others...)...)
	if got, err := log.wrote(end); err != nil || len(got) != 0 {
		t.Errorf("got %q, %v; want no change", got, err)
	}
	write(append([]string{before, entry("gatemend", "delete", "", "200")}, others...)...)
	want := []string{"delete deployments shop/api"}
	if got, err := log.wrote(end); err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	write(entry("gatemend", "patch", "", "200"))
	if got, err := log.wrote(end + 1000); err != nil || len(got) != 1 {
		t.Errorf("of a log that was begun anew: got %q, %v; want all of it", got, err)
	}
}
