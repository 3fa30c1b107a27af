// Package clone puts changes into local clones of Git repositories, each as a commit on a branch of its own.
//
// Nothing else of a clone is touched: not the branch that is checked out, not the files of the work tree, not the
// index. Files are read from the commit that is checked out, so that what somebody is working on there plays no
// part. Nothing is fetched, and nothing is pushed.
package clone
