// Package synth makes cluster snapshots with a known fault: a small shop behind one of several gateways, one
// recipe that breaks it, and what the controllers, the kubelet and the proxy would have written since.
//
// It knows nothing of how gatemend diagnoses. A recipe changes the objects as a person, or a bug, would; then
// settle does what the cluster's controllers do (endpoints, statuses, events), and traffic writes the lines
// that the gateway would log. The same seed gives the same files.
package synth
