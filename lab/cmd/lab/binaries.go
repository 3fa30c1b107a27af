package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/gatemend/gatemend/lab/binary"
)

// newBinaries builds programs without making a cluster.
func newBinaries() *cobra.Command {
	var printDir, packages bool
	cmd := &cobra.Command{
		Use:   "binaries [NAME...]",
		Short: "Build programs into the cache and print where they are; needs no root",
		Long: `binaries builds the named programs, or all, into the cache and prints their paths.

With --print-dir it builds etcd, kube-apiserver and kubectl and prints one
folder that holds them: set KUBEBUILDER_ASSETS to it for tests that want a
real API server. With --packages it also installs what such tests need of
Debian's packages and is not there (PostgreSQL), which needs root.`,
		Example: "  export KUBEBUILDER_ASSETS=$(lab binaries --print-dir)",
		RunE: func(cmd *cobra.Command, names []string) error {
			if printDir && len(names) > 0 {
				return fmt.Errorf("--print-dir takes no names (%w)", errUsage)
			}
			store, err := binary.Open("", ".", cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if packages {
				if err := store.Install(cmd.Context(), binary.TestPackages()); err != nil {
					return err
				}
			}
			if printDir {
				dir, err := store.Assets(cmd.Context())
				if err != nil {
					return err
				}
				fmt.Fprintln(cmd.OutOrStdout(), dir)
				return nil
			}
			return printPaths(cmd, store, names)
		},
	}
	cmd.Flags().BoolVar(&printDir, "print-dir", false, "build etcd, kube-apiserver and kubectl and print their folder")
	cmd.Flags().BoolVar(&packages, "packages", false, "install the Debian packages that integration tests need")
	return cmd
}

// printPaths builds the named programs, or all, and prints where they are.
func printPaths(cmd *cobra.Command, store *binary.Store, names []string) error {
	if len(names) == 0 {
		names = binary.Names()
	}
	paths, err := store.Ensure(cmd.Context(), names...)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		fmt.Fprintln(cmd.OutOrStdout(), paths[name])
	}
	return nil
}
