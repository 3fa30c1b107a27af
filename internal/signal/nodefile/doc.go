// Package nodefile follows the log files of gateways on the node that they run on: what the kubelet keeps
// in /var/log/pods, by whatever way it is reached (/var/log/containers holds links to it).
//
// A log is a file and what became of it when it was rotated: the kubelet renames NUMBER.log to
// NUMBER.log.TIME and compresses all but the newest of these to NUMBER.log.TIME.gz (kubernetes/kubernetes,
// pkg/kubelet/logs/container_log_manager.go); logrotate renames or copies and truncates. Files are
// known by their first bytes rather than by name or inode, as names move on and inodes are used again. So a
// file that was renamed, copied, compressed, or all of that while nobody looked, is read on where reading
// stopped.
//
// The place up to which signals were taken by the reader is kept in a checkpoint file. After a regular end
// nothing is read twice and nothing is left out; after a crash, what was read since the last checkpoint comes
// again. A slow reader is waited for, since the files are the buffer. What was deleted before it was read is
// lost, and said.
//
// Changes are noticed by inotify, and by looking every now and then, where inotify is not to be had
// (network file systems, exhausted watches).
package nodefile
