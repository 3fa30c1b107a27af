// Package typed decodes the JSON of Kubernetes objects into the types of their API, as sigs.k8s.io/json
// does, in less time and far less memory.
//
// A cluster repeats itself: the pods of a ReplicaSet have the same probes, variables, labels and owners.
// A [Decoder] remembers the text of the maps, slices and pointers that it decoded lately, and gives the
// same text the same value again; strings likewise. Values are shared between objects, so nobody may
// write to them.
//
// The fast way reads only what it fully understands: each key once, values of the kind that the
// field has. At anything else it gives up, and the text is decoded once more by
// sigs.k8s.io/json, whose result or error counts. [FuzzDecode] holds the two ways together.
package typed
