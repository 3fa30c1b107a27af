// Package dump reads and writes clusters as files.
//
// [Read] takes what people have: a file, a folder or an archive of kubectl get -o yaml or json, a
// list or single objects, packed with gzip or zstd or not, damaged or not. Every object that can be read is kept;
// what cannot is noted with its file and line. Since a dump shows what somebody asked for and not
// what there is, a kind that does not occur in it is [snapshot.NotRead], never "there are none";
// only the index of a dump that [Write] made says more.
//
// A file is never in memory as a whole: a reader cuts it into the texts of objects, a pipeline decodes them on
// all cores (package typed, which shares what repeats), and a collector puts them into the snapshot in the order of
// the files. Archives are unpacked on the way, and the ends of container logs that lie among the objects are kept;
// layout.go says what the folders of must-gather, kubectl cluster-info dump and support bundles look like.
//
// [Write] makes such a folder of a snapshot, without anything secret.
package dump
