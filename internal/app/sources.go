package app

import "github.com/gatemend/gatemend/internal/cli"

// Sources makes the further sources of a watch.
func (c *cluster) Sources(cli.Live, cli.SourceOptions) ([]cli.Source, error) { return nil, nil }
