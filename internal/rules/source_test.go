package rules

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every package is documented by exactly one file, so that 'go doc' tells its story once.
func TestPackageComments(t *testing.T) {
	documented := map[string][]string{}
	for _, s := range tree(t) {
		if s.test() {
			continue
		}
		if _, ok := documented[s.dir]; !ok {
			documented[s.dir] = nil
		}
		if s.file.Doc != nil {
			documented[s.dir] = append(documented[s.dir], s.path)
			want := "Package " + s.file.Name.Name + " "
			if s.file.Name.Name == "main" {
				want = "Command "
			}
			if !strings.HasPrefix(s.file.Doc.Text(), want) {
				t.Errorf("%s: the package comment should begin with %q", s.path, want)
			}
		}
	}
	for dir, files := range documented {
		if len(files) != 1 {
			t.Errorf("%s: %d files with a package comment, want 1: %v", dir, len(files), files)
		}
	}
}

// A package is what it provides.
func TestNoCatchAllPackages(t *testing.T) {
	refused := []string{
		"util", "utils", "common", "helper", "helpers", "misc", "shared", "base", "types", "constants", "interfaces", "core", "lib", "manager",
	}
	for _, s := range tree(t) {
		if slices.Contains(refused, s.file.Name.Name) {
			t.Errorf("%s: name the package after what it provides, not %q", s.path, s.file.Name.Name)
		}
	}
}

// State of a package is shared by all its users and all tests, so there is none: no init, and no
// package variable that could be written to. Sentinel errors, compiled patterns, embedded files, what is
// computed from them once, and checks that a type implements an interface are values.
func TestNoPackageState(t *testing.T) {
	for _, s := range tree(t) {
		if s.test() || strings.HasPrefix(s.path, "internal/testkit/") {
			continue
		}
		for _, d := range s.file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.Name == "init" && d.Recv == nil {
					t.Errorf("%s: init runs behind everybody's back; call a function", s.path)
				}
			case *ast.GenDecl:
				if d.Tok != token.VAR {
					continue
				}
				for _, spec := range d.Specs {
					v, ok := spec.(*ast.ValueSpec)
					if ok && !isValue(v, d) {
						t.Errorf("%s: package variable %s: make it a constant, a function or an argument", s.path, v.Names[0].Name)
					}
				}
			}
		}
	}
}

func isValue(v *ast.ValueSpec, d *ast.GenDecl) bool {
	if v.Names[0].Name == "_" || strings.HasPrefix(d.Doc.Text(), "go:embed") {
		return true
	}
	for _, doc := range []*ast.CommentGroup{d.Doc, v.Doc} {
		if doc == nil {
			continue
		}
		for _, c := range doc.List {
			if strings.HasPrefix(c.Text, "//go:embed ") {
				return true
			}
		}
	}
	if len(v.Values) == 0 {
		return false
	}
	for _, value := range v.Values {
		call, ok := value.(*ast.CallExpr)
		if !ok {
			return false
		}
		fun, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		pkg, ok := fun.X.(*ast.Ident)
		if !ok || !slices.Contains([]string{"errors.New", "fmt.Errorf", "regexp.MustCompile", "strings.NewReplacer", "sync.OnceValue"}, pkg.Name+"."+fun.Sel.Name) {
			return false
		}
	}
	return true
}

// Comments say why, in finished work.
func TestNoLooseEnds(t *testing.T) {
	// Written in halves, so that this file does not find itself.
	loose := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b`)
	for _, s := range tree(t) {
		for _, g := range s.file.Comments {
			if loose.MatchString(g.Text()) {
				t.Errorf("%s: finish it or open an issue: %q", s.fset.Position(g.Pos()), strings.TrimSpace(g.Text()))
			}
		}
	}
}

// Time, environment and streams are arguments below cmd and app, which keeps results repeatable.
func TestNoHiddenInputs(t *testing.T) {
	refused := map[string]string{
		"time.Now": "take the time as an argument", "time.Since": "take the time as an argument", "time.Until": "take the time as an argument",
		"time.Sleep": "wait for a condition", "os.Getenv": "take the value as an argument", "os.LookupEnv": "take the value as an argument",
		"os.Exit": "return an error", "fmt.Print": "write to the writer given", "fmt.Printf": "write to the writer given", "fmt.Println": "write to the writer given",
		"context.Background": "take the caller's context", "context.TODO": "take the caller's context",
	}
	for _, s := range tree(t) {
		if s.test() || !strings.HasPrefix(s.path, "internal/") || strings.HasPrefix(s.path, "internal/app/") || strings.HasPrefix(s.path, "internal/testkit/") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if pkg, ok := sel.X.(*ast.Ident); ok {
				if advice, bad := refused[pkg.Name+"."+sel.Sel.Name]; bad {
					t.Errorf("%s: %s.%s: %s", s.fset.Position(sel.Pos()), pkg.Name, sel.Sel.Name, advice)
				}
			}
			return true
		})
	}
}
