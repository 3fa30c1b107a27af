// Command shop is the lab's application; see package shop for what it can be told.
//
//	shop [FLAGS]      serve; every flag is also an environment variable, --start-delay is SHOP_START_DELAY
//	shop probe URL    ask URL once and exit non-zero unless it answers below 400
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/gatemend/gatemend/lab/shop"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "probe" {
		if err := shop.Probe(context.Background(), os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, "shop:", err)
			os.Exit(1)
		}
		return
	}
	o, err := shop.Parse(os.Args[1:], os.Getenv)
	if err != nil {
		fmt.Fprintln(os.Stderr, "shop:", err)
		os.Exit(2)
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	term := make(chan struct{})
	go func() {
		for range signals {
			term <- struct{}{}
		}
	}()
	os.Exit(shop.New(o, os.Stdout).Run(context.Background(), term))
}
