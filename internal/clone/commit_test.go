package clone

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/gatemend/gatemend/internal/owner"
)

// newClone makes a repository with a commit of some files, and somebody's unfinished work on top.
func newClone(t *testing.T, files map[string]string) (dir string, repo *git.Repository) {
	t.Helper()
	dir = t.TempDir()
	repo, err := git.PlainInit(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	w, err := repo.Worktree()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Add(name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Commit("first", &git.CommitOptions{Author: &object.Signature{Name: "a", Email: "a@example.com", When: time.Unix(1, 0)}}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "apps/cart/service.yaml"), []byte("unfinished: work\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, repo
}

func shop() map[string]string {
	return map[string]string{
		"README.md": "text", "apps/cart/service.yaml": "port: 9999\n", "apps/cart/deployment.yml": "image: x\n",
		"apps/pay/service.yaml": "port: 80\n", "zone.yaml": "a: b\n",
	}
}

// sets the port in the cart's file, and keeps the names of the files that it was given.
func editor(seen *[]string) func([]owner.File) ([]owner.File, error) {
	return func(files []owner.File) ([]owner.File, error) {
		var out []owner.File
		for _, f := range files {
			*seen = append(*seen, f.Path)
			if f.Path == "apps/cart/service.yaml" {
				out = append(out, owner.File{Path: f.Path, Text: []byte(strings.ReplaceAll(string(f.Text), "9999", "8080"))})
			}
		}
		return out, nil
	}
}

func TestCommit(t *testing.T) {
	dir, repo := newClone(t, shop())
	before, err := repo.Head()
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	r := Request{Dir: dir, Branch: "gatemend/x", Message: "why", Now: time.Unix(100, 0), Edit: editor(&seen)}
	got, err := Commit(r)
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) != 4 || got.Branch != "gatemend/x" || strings.Join(got.Files, " ") != "apps/cart/service.yaml" {
		t.Errorf("saw %q, got %+v", seen, got)
	}
	if want := "--- a/apps/cart/service.yaml\n+++ b/apps/cart/service.yaml\n@@ -1,1 +1,1 @@\n-port: 9999\n+port: 8080\n"; got.Diff != want {
		t.Errorf("got diff\n%s", got.Diff)
	}
	c, err := repo.CommitObject(plumbing.NewHash(got.Commit))
	if err != nil || c.Message != "why" || len(c.ParentHashes) != 1 || c.ParentHashes[0] != before.Hash() {
		t.Fatalf("got %v, error %v", c, err)
	}
	// The commit differs from its parent in that file alone.
	parent, err := c.Parent(0)
	if err != nil {
		t.Fatal(err)
	}
	patch, err := parent.Patch(c)
	if err != nil || len(patch.FilePatches()) != 1 {
		t.Errorf("got %v, error %v", patch, err)
	}
	// What is checked out, and what somebody works on, is as it was.
	after, err := repo.Head()
	work, readErr := os.ReadFile(filepath.Join(dir, "apps/cart/service.yaml"))
	if err != nil || readErr != nil || after.Name() != before.Name() || after.Hash() != before.Hash() || string(work) != "unfinished: work\n" {
		t.Errorf("HEAD is %v, the file has %q", after, work)
	}
	if out, err := exec.CommandContext(t.Context(), "git", "-C", dir, "fsck", "--strict").CombinedOutput(); err != nil && !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("git finds the clone broken: %v\n%s", err, out)
	}

	// The same again is the same commit; another content under the name is refused.
	r.Now = time.Unix(200, 0)
	again, err := Commit(r)
	if err != nil || again.Commit != got.Commit {
		t.Errorf("got %+v, error %v", again, err)
	}
	r.Edit = func([]owner.File) ([]owner.File, error) {
		return []owner.File{{Path: "zone.yaml", Text: []byte("a: c\n")}}, nil
	}
	if _, err := Commit(r); err == nil || !strings.Contains(err.Error(), "gatemend/x already") {
		t.Errorf("got error %v", err)
	}
}

func TestCommitInAFolderOfTheClone(t *testing.T) {
	dir, _ := newClone(t, shop())
	var seen []string
	got, err := Commit(Request{Dir: filepath.Join(dir, "apps", "cart"), Branch: "b", Message: "m", Now: time.Unix(1, 0), Edit: editor(&seen)})
	if err != nil || len(seen) != 2 || len(got.Files) != 1 {
		t.Errorf("saw %q, got %+v, error %v", seen, got, err)
	}
}

func TestCommitFails(t *testing.T) {
	empty := t.TempDir()
	if _, err := git.PlainInit(empty, false); err != nil {
		t.Fatal(err)
	}
	full, _ := newClone(t, shop())
	wrong := errors.New("not here")
	for name, r := range map[string]Request{
		"no clone":          {Dir: t.TempDir()},
		"no folder":         {Dir: filepath.Join(full, "none")},
		"nothing in it":     {Dir: empty},
		"nothing to change": {Dir: full, Branch: "b", Edit: func([]owner.File) ([]owner.File, error) { return nil, wrong }},
	} {
		if _, err := Commit(r); err == nil || name == "nothing to change" && !errors.Is(err, wrong) {
			t.Errorf("%s: got error %v", name, err)
		}
	}
}
