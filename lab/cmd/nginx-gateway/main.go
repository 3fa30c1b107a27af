// Command nginx-gateway is the lab's ingress controller around a real nginx; see lab/gateway/nginx and [gateway.RunInPod].
package main

import (
	"fmt"
	"os"
	"time"

	"k8s.io/klog/v2"

	"github.com/gatemend/gatemend/lab/gateway"
	proxy "github.com/gatemend/gatemend/lab/gateway/nginx"
)

// binary is where the image has the proxy; folder is where its files go.
const (
	binary = "/usr/sbin/nginx"
	folder = "/tmp"
)

func main() {
	err := gateway.RunInPod(&gateway.Controller{
		Class: "nginx", Settle: 300 * time.Millisecond,
		Render:  func(t gateway.Table) string { return proxy.Render(t, proxy.Options{Folder: folder}) },
		Process: proxy.Process(binary, folder, os.Stdout, os.Stderr),
		Info:    func(message string) { klog.InfoDepth(1, message) },
		Warn:    func(message string) { klog.WarningDepth(1, message) },
	}, os.Getenv("PUBLISH_SERVICE"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "nginx-gateway:", err)
		os.Exit(1)
	}
}
