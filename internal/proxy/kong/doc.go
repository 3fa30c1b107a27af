// Package kong knows Kong, whose engine is nginx: its error log is nginx's, its answers are its own.
package kong
