package synth

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
)

// Recipe breaks the shop in one way.
type Recipe struct {
	Name, Family string
	World        string   // that it breaks; empty: the shop
	Gateways     []string // behind which it makes sense; none: all of Gateways()
	Break        func(c *Cluster) Answer
}

// Answer is what a diagnosis should say.
type Answer struct {
	Causes   []model.CauseID // any of them is right as the first cause; none: the cluster is healthy
	Object   model.FieldRef
	Also     []model.FieldRef // other right answers
	Innocent []metav1.Object
	App      *App   // whose route fails
	Host     string // of the failing request; empty: the shop's
	Path     string // empty: the app's
	Sees     int
}

// gateways lists those behind which the recipe makes sense.
func (r Recipe) gateways() []gateway {
	if len(r.Gateways) == 0 {
		return Gateways()
	}
	return slices.DeleteFunc(slices.Concat(Gateways(), otherGateways()), func(g gateway) bool { return !slices.Contains(r.Gateways, g.name) })
}

// Recipes lists all recipes, family by family.
func Recipes() []Recipe {
	return slices.Concat(wiring(), routes(), availability(), start(), placement(), networks(), protocols(), applications(), controlPlane(), rest(), controls(), firstBatch(), secondBatch(), thirdBatch(), fourthBatch(), fifthBatch(), sixthBatch(), ofGateways(), benchmarks())
}

// Write makes each recipe's scenarios in a folder: NAME.json, NAME.logs and NAME.expect.yaml.
func Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, r := range Recipes() {
		for _, g := range r.gateways() {
			c := NewCluster(worldOf(r.World), g)
			answer := r.Break(c)
			if err := c.write1(filepath.Join(dir, r.Name+"-"+g.name), r, answer); err != nil {
				return fmt.Errorf("write scenario %s for %s: %w", r.Name, g.name, err)
			}
		}
	}
	return nil
}

func (c *Cluster) write1(base string, r Recipe, a Answer) error {
	if len(a.Causes) > 0 && a.App == nil {
		return errors.New("the answer names no app whose route fails")
	}
	var list struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Items      []any  `json:"items"`
	}
	list.APIVersion, list.Kind = "v1", "List"
	for _, o := range c.objects {
		if !slices.Contains(c.hidden, ref(o).Kind) {
			list.Items = append(list.Items, o)
		}
	}
	for _, e := range c.events {
		if !slices.Contains(c.hidden, "Event") {
			list.Items = append(list.Items, e)
		}
	}
	if err := write(base+".json", list); err != nil {
		return err
	}
	if err := write(base+".expect.yaml", a.expectation(c, r)); err != nil {
		return err
	}
	if len(c.logs) == 0 {
		return nil
	}
	if err := os.MkdirAll(base+".logs", 0o755); err != nil {
		return err
	}
	for name, lines := range c.logs {
		if err := os.WriteFile(filepath.Join(base+".logs", name+".log"), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// expectation is the answer in the form in which scenarios have it.
func (a Answer) expectation(c *Cluster, r Recipe) map[string]any {
	out := map[string]any{"id": r.Name, "family": r.Family, "controller": c.gateway.name, "healthy": len(a.Causes) == 0, "causeIds": a.Causes}
	if a.App != nil {
		path := a.Path
		if path == "" {
			path = strings.TrimSuffix(a.App.Path, "/") + "/items"
		}
		out["incident"] = map[string]any{"host": or(a.Host, c.world.host), "path": path, "clientSees": []int{a.Sees}}
	}
	if len(a.Causes) > 0 {
		out["rootCause"] = map[string]any{"object": a.Object.Ref, "field": a.Object.Field}
	}
	out["acceptableAlternatives"] = a.Also
	var innocent []model.Ref
	for _, o := range a.Innocent {
		innocent = append(innocent, ref(o))
	}
	innocent = append(innocent, c.odd...)
	out["mustNotBlame"] = innocent
	return out
}

// write makes a file of JSON, which is YAML too.
func write(file string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}

// field points at a field of an object.
func field(o metav1.Object, path string) model.FieldRef {
	return model.FieldRef{Ref: ref(o), Field: path}
}

// missing points at an object that is not there.
func missing(version, kind, ns, name, path string) model.FieldRef {
	return model.FieldRef{Ref: model.Ref{APIVersion: version, Kind: kind, Namespace: ns, Name: name}, Field: path}
}

// fails writes the failing route's traffic beside healthy traffic of the others, and starts the answer.
func (c *Cluster) fails(a *App, o outcome, causes ...model.CauseID) Answer {
	c.settle()
	c.traffic(a, o, 24)
	c.elsewhere(a)
	return Answer{Causes: causes, App: a, Sees: c.gateway.status(o), Innocent: others(c, a)}
}

// partly writes traffic of which a share fails.
func (c *Cluster) partly(a *App, o outcome, fineOnes int, causes ...model.CauseID) Answer {
	answer := c.fails(a, o, causes...)
	c.traffic(a, fine(), fineOnes)
	return answer
}

// elsewhere writes healthy traffic on the other routes.
func (c *Cluster) elsewhere(but *App) {
	for _, a := range c.apps {
		if a != but && a.Path != "" && len(a.upstreams()) > 0 {
			c.traffic(a, fine(), 10)
		}
	}
}

func others(c *Cluster, but *App) []metav1.Object {
	var out []metav1.Object
	for _, a := range c.apps {
		if a != but {
			out = append(out, a.Deployment, a.Service)
		}
	}
	return out
}

// at sets the object and field of the answer.
func (a Answer) at(f model.FieldRef, also ...model.FieldRef) Answer {
	a.Object, a.Also = f, append(a.Also, also...)
	return a
}

func (a Answer) container(path string) model.FieldRef {
	return field(a.App.Deployment, "spec.template.spec.containers[0]."+path)
}
