// Package timeline reads from a snapshot what happened, and when.
//
// A snapshot is of one moment, but its objects remember: pods when they were made, started, became
// ready and were told to stop; ReplicaSets when their revision came; Nodes since when they are lost;
// Events what the cluster's components did about them, also about objects that are gone by now. A
// [Pods] lines that up pod by pod, so that a failed request can be asked what had become of the address
// to which it went; [Nodes] does the same for nodes. All of it is pure, and no time is invented: what
// nothing tells stays zero.
package timeline
