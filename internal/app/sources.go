package app

import "github.com/gatemend/gatemend/internal/cli"

// Sources makes the further sources of a watch.
func (c *cluster) Sources(live cli.Live, o cli.SourceOptions) ([]cli.Source, error) {
	return c.receivers(live, o.Receive)
}
