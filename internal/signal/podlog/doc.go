// Package podlog follows the logs of gateway pods through the Kubernetes API and turns their lines into
// signals while they are written.
//
// It finds the pods by itself (package all says which pods are gateways), also those that appear later,
// follows one container of each, and opens a log again where it stopped when the connection breaks,
// without reading a line twice. If the container was restarted meanwhile, what is left of the log of the one
// before comes first. Where a log does not reach back to the last line that was read, as after its rotation,
// [Follower.Notices] tells between which times lines may be lost. Its memory is bounded: a reader that is too
// slow loses signals, which are counted, and never blocks a log. What cannot be followed stands in [Follower.Unseen], because a
// gateway that is not heard must not pass for a gateway without errors.
package podlog
