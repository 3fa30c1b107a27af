// Command gatemend finds out why a Kubernetes gateway answers 502, 503 or 504, and mends it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/gatemend/gatemend/internal/app"
	"github.com/gatemend/gatemend/internal/cli"
)

func main() { os.Exit(run()) }

// run ends when the command does. The first SIGINT or SIGTERM lets it finish in order; a second one
// ends it at once.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	app.Quiet()
	context.AfterFunc(ctx, stop)
	env := app.Env(os.Args[0], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
	return int(cli.Main(ctx, env, os.Args[1:]))
}
