package remedy

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
)

// Kubectl is the command that makes changes by hand, one after the other as long as each is taken.
func Kubectl(changes []model.Change) string {
	commands := make([]string, len(changes))
	for i, c := range changes {
		switch c.Op {
		case model.OpCreate:
			commands[i] = kubectlCreate(c)
		case model.OpEvict:
			commands[i] = kubectlEvict(c)
		case model.OpPatch, model.OpDelete: // a remedy deletes nothing
			commands[i] = kubectlPatch(c)
		}
	}
	return strings.Join(commands, " && ")
}

// kubectlPatch is the command that makes a patch by hand.
func kubectlPatch(c model.Change) string {
	type op struct {
		Op    string          `json:"op"`
		Path  string          `json:"path"`
		Value json.RawMessage `json:"value,omitempty"`
	}
	ops := []op{}
	for _, f := range c.Fields {
		switch {
		case f.Old == nil:
			ops = append(ops, op{"add", f.Path, f.New})
		case f.New == nil:
			ops = append(ops, op{Op: "remove", Path: f.Path})
		default:
			ops = append(ops, op{"replace", f.Path, f.New})
		}
	}
	data, through := encode(ops), ""
	if c.Subresource != "" {
		through = " --subresource=" + c.Subresource
	}
	return fmt.Sprintf("kubectl patch %s%s%s --type=json -p=%s", model.ShellWord(c.Target.Resource()), namespaceFlag(c.Target), through, quote(string(data)))
}

// kubectlCreate is the command that creates an object by hand.
func kubectlCreate(c model.Change) string {
	return fmt.Sprintf("echo %s | kubectl create -f -", quote(string(c.Object)))
}

// kubectlEvict is the command that evicts a pod by hand. Deleting it instead would not ask its
// PodDisruptionBudget.
func kubectlEvict(c model.Change) string {
	body := fmt.Sprintf(`{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":%q,"namespace":%q}}`,
		c.Target.Name, c.Target.Namespace)
	return fmt.Sprintf("echo %s | kubectl create --raw /api/v1/namespaces/%s/pods/%s/eviction -f -",
		quote(body), model.ShellWord(c.Target.Namespace), model.ShellWord(c.Target.Name))
}

func namespaceFlag(r model.Ref) string {
	if r.Namespace == "" {
		return ""
	}
	return " -n " + model.ShellWord(r.Namespace)
}

// quote makes one word of s for a POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
