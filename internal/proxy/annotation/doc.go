// Package annotation reads the annotations with which people tell a controller what to do.
//
// A controller is a table: which annotation turns which knob, and in which form its value is
// written. [Read] makes typed settings of an object's annotations by such a table.
package annotation
