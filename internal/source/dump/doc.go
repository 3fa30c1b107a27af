// Package dump reads and writes clusters as files.
//
// [Read] takes what people have: a file, a folder or an archive of kubectl get -o yaml or json, a
// list or single objects, gzipped or not, damaged or not. Every object that can be read is kept;
// what cannot is noted with its file and line. Since a dump shows what somebody asked for and not
// what there is, a kind that does not occur in it is [snapshot.NotRead], never "there are none";
// only the index of a dump that [Write] made says more.
//
// [Write] makes such a folder of a snapshot, without anything secret.
package dump
