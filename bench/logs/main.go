// Command logs measures how fast gatemend counts gateways' logs, beside the tools that people use for it.
package main

import (
	"flag"
	"log"
	"os"
)

func main() {
	format := flag.String("format", "ingress-nginx", "")
	size := flag.Int64("size", 500<<20, "")
	flag.Parse()
	if err := write(os.Stdout, *format, *size, 1, 0.02); err != nil {
		log.Fatal(err)
	}
}
