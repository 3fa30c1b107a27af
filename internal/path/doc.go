// Package path is the model of one request: it walks from the rule that a gateway matches to the
// container port that answers, as the real components would, on a snapshot alone.
//
// [New] reads the rules of a snapshot once into a [Map]. [Map.Routes] lists them, [Map.Match] finds
// the rule for a request, [Map.Legs] resolves a rule's backends down to pods, and [Map.WalkRoute]
// turns that into a [model.Trace] with a verdict and a sentence for every hop.
//
// The package is pure. What the snapshot could not see becomes [model.Unknown], never [model.OK].
package path
