package postgres_test

import (
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/store/postgres"
)

// A DSN that cannot be read is not repeated: it may have a password in it.
func TestErrorsHaveNoPassword(t *testing.T) {
	for _, dsn := range []string{
		"postgres://gatemend:hunter2@db:port/gatemend",
		"postgres://gatemend:hunter2@db/gatemend?sslmode=perhaps",
		"host=db password=hunter2 sslmode=perhaps",
		"host=db password='hunter2",
		"postgres://gatemend:hunter2%zz@db/gatemend",
	} {
		_, err := postgres.Open(dsn, postgres.Options{})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v", dsn, err)
		}
	}
}
