// Package plantest builds the small cluster on which plans are tested: a shop with three
// applications behind an nginx gateway, all well. A test breaks one thing of it. Only tests import it:
// where its own text is wrong, it panics.
package plantest
