// Command scale measures 'gatemend controller' on the objects of a large cluster: a real etcd, kube-apiserver and
// endpoint controller, and kwok in place of 5,000 kubelets. It prints what was measured beside what is wanted, with
// kube-state-metrics on the same cluster for comparison. It fails if it cannot measure, or if gatemend lists or polls
// beyond its start, or acts in a storm; a number that misses its target is printed.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

func main() {
	var b bench
	programs := flag.String("programs", "", "paths of etcd, kube-apiserver, kube-controller-manager, kwok and, for comparison, kube-state-metrics, separated by commas or spaces")
	flag.StringVar(&b.gatemend, "gatemend", "bin/gatemend", "the program to measure")
	divide := flag.Int("divide", 1, "measure this fraction of the full size: 10 for a tenth")
	flag.DurationVar(&b.idle, "idle", 2*time.Minute, "how long to measure under churn")
	flag.StringVar(&b.dir, "dir", "", "a folder for logs and profiles; empty: one that is removed")
	flag.IntVar(&b.storm, "storm", 1000, "Services that break at once; 0: none")
	flag.DurationVar(&b.soak, "soak", 0, "in place of all that, watch for so long what is held while routes come, fail and go")
	flag.BoolVar(&b.profile, "profile", false, "write heap and CPU profiles of gatemend to the folder")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	b.programs, b.size, b.out = paths(*programs), full().by(*divide), os.Stdout
	b.storm = min(b.storm, b.size.services/2)
	if err := b.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to stop
	}
}
