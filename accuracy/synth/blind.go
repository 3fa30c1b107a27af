package synth

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/model"
)

// Blind batches are recipes whose answers were written down before anything was run on them, by somebody who had
// not read the analyzers: their first result, in docs/accuracy.md, is the honest one. They are in worlds of their own.

// yaml adds an object that is written as YAML. It is as old as the fault, if it says nothing else.
func (c *Cluster) yaml(text string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
		panic(err) // a mistake in a recipe
	}
	if at := o.GetCreationTimestamp(); at.IsZero() {
		o.SetCreationTimestamp(stamp(onset()))
	}
	c.add(o)
	return o
}

// says adds lines of the gateway itself, each with the moment that TIME stands for, in the log's own form.
func (c *Cluster) says(layout string, lines ...string) {
	key := c.gatewayLog()
	for i, l := range lines {
		c.logs[key] = append(c.logs[key], strings.ReplaceAll(l, "TIME", at(i, len(lines)).Format(layout)))
	}
}

// nginxError is the layout of the times in nginx's error log.
const nginxError = "2006/01/02 15:04:05"

// repeat gives a line several times.
func repeat(n int, line string) []string { return slices.Repeat([]string{line}, n) }

// unread leaves kinds out of the dump: nobody could, or wanted to, read them.
func (c *Cluster) unread(kinds ...string) { c.hidden = append(c.hidden, kinds...) }

// side adds an app that is no part of the world's own.
func (c *Cluster) side(ns, name string, port int32) *App {
	a := c.appIn(ns, name, "", port, 1)
	c.apps = c.apps[:len(c.apps)-1]
	a.Service.Spec.ClusterIP = fmt.Sprintf("10.96.2.%d", 10+c.uids%200)
	return a
}

// empty takes all pods of an app away.
func (a *App) empty() {
	for _, p := range a.Pods {
		a.c.drop(p)
	}
	a.Pods = nil
}

// scale sets the replicas that are wanted.
func (a *App) scale(n int32) {
	a.Deployment.Spec.Replicas, a.Sets[len(a.Sets)-1].Spec.Replicas = &n, &n
}

// notes adds one event to each pod.
func (a *App) notes(kind, reason, message string, count int32) {
	for _, p := range a.Pods {
		a.c.event(p, kind, reason, strings.ReplaceAll(message, "POD_IP", p.Status.PodIP), count, onset())
	}
}

// spec points at a field of the pods' template.
func (a *App) spec(path string) model.FieldRef {
	return field(a.Deployment, "spec.template.spec."+path)
}

// first points at a field of the first container.
func (a *App) first(path string) model.FieldRef { return a.spec("containers[0]." + path) }

// whole points at the Deployment, whatever the field.
func (a *App) whole() model.FieldRef { return field(a.Deployment, "") }

// wrong starts an answer whose traffic was written already.
func (c *Cluster) wrong(a *App, sees int, causes ...model.CauseID) Answer {
	return Answer{Causes: causes, App: a, Sees: sees, Innocent: others(c, a)}
}

// dependency answers that the fault is at another app than the one whose route fails.
func (a Answer) dependency(c *Cluster, dep *App) Answer {
	a.Innocent = others(c, dep)
	return a
}

// between writes requests in a stretch of time, to one upstream.
func (c *Cluster) between(a *App, o outcome, from time.Time, took time.Duration, n int) {
	ups := a.upstreams()
	for i := range n {
		r := request{at: from.Add(took * time.Duration(i) / time.Duration(n)).Truncate(time.Millisecond), path: a.Path + "/items", o: o, status: c.gateway.status(o), app: a, upstream: o.upstream}
		if r.upstream == "" && o.kind != "none" && len(ups) > 0 {
			r.upstream = ups[i%len(ups)]
		}
		c.write(r)
	}
}

// address is where a pod of the app listens.
func (a *App) address(p *corev1.Pod) string { return fmt.Sprintf("%s:%d", p.Status.PodIP, a.Port) }
