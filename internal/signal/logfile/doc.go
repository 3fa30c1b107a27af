// Package logfile reads logs that were saved to files: those of gateways become signals, those of
// applications excerpts.
//
// A folder holds files named POD_CONTAINER.log, and POD_CONTAINER.previous.log for the container before
// the last restart, as kubectl users and gatemend itself save them; any of them may be compressed with
// gzip (.gz) or Zstandard (.zst). A file of another name is a gateway's log if it reads like one. Lines with the prefix of a
// container runtime (CRI, or Docker's json-file) are unwrapped, and so are those of kubectl logs --timestamps and
// --prefix. Read takes a file of --prefix as the logs of as many containers as its lines name; Blocks, which reads a log to count it, gives
// it up where the lines of another container than the gateway's begin, and takes the pods of one workload for one log.
//
// What cannot be read is counted and named with file and line, and never stops the reading.
package logfile
