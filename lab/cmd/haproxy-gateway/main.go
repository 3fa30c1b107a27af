// Command haproxy-gateway is the lab's ingress controller around a real haproxy; see lab/gateway/haproxy and [gateway.RunInPod].
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/gatemend/gatemend/lab/gateway"
	proxy "github.com/gatemend/gatemend/lab/gateway/haproxy"
)

// binary is where the image has the proxy; folder is where its files go.
const (
	binary = "/usr/sbin/haproxy"
	folder = "/tmp"
)

func main() {
	err := gateway.RunInPod(&gateway.Controller{
		Class: "haproxy", Settle: time.Second,
		Render:  func(t gateway.Table) string { return proxy.Render(t, proxy.Options{Folder: folder}) },
		Process: proxy.Process(binary, folder, os.Stdout, os.Stderr),
		Info:    func(message string) { say("INFO", message) },
		Warn:    func(message string) { say("WARNING", message) },
	}, os.Getenv("PUBLISH_SERVICE"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "haproxy-gateway:", err)
		os.Exit(1)
	}
}

// say writes a line as the original controller does: time, level in eight columns, message.
func say(level, message string) {
	fmt.Fprintf(os.Stderr, "%s %-8s%s\n", time.Now().UTC().Format("2006/01/02 15:04:05"), level, message)
}
