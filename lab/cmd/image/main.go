// Command image writes gatemend's container image, for several platforms, to a tar file: see 'make image'.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gatemend/gatemend/lab/release"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	var o release.Options
	var out, created string
	f := flag.NewFlagSet("image", flag.ContinueOnError)
	f.StringVar(&o.Ref, "ref", "", "the image's name with a tag")
	f.StringVar(&o.Version, "version", "", "gatemend's version")
	f.StringVar(&o.Revision, "revision", "", "the commit")
	f.StringVar(&created, "created", "0", "when the image was made, in seconds since 1970 (SOURCE_DATE_EPOCH)")
	f.StringVar(&out, "o", "", "the file to write")
	f.Usage = func() {
		fmt.Fprintln(f.Output(), "usage: image -ref NAME:TAG -o FILE ARCHITECTURE=PROGRAM...")
		f.PrintDefaults()
	}
	if err := f.Parse(args); err != nil {
		return err
	}
	seconds, err := strconv.ParseInt(created, 10, 64)
	if err != nil {
		return fmt.Errorf("-created: %w", err)
	}
	o.Created = time.Unix(seconds, 0)
	for _, arg := range f.Args() {
		arch, path, found := strings.Cut(arg, "=")
		if !found {
			return fmt.Errorf("%q is not ARCHITECTURE=PROGRAM", arg)
		}
		o.Programs = append(o.Programs, release.Program{Architecture: arch, Path: path})
	}
	if out == "" {
		return errors.New("-o is missing")
	}
	digest, err := release.Write(out, o)
	if err != nil {
		return err
	}
	fmt.Printf("%s@%s\n", o.Ref, digest)
	return nil
}
