// Package store keeps the history of incidents: what failed, why, what was decided by whom, what was changed.
//
// [Store] is the one interface; package sqlite keeps history in a file and package postgres in a database that
// several clusters may share. One suite of tests runs against both. History is written for people: what gatemend
// does next never depends on it, so a history that cannot be written costs nothing but history. [Buffered] is
// what a controller writes to: it never blocks, holds a bounded number of incidents while the store is away, says
// so, and writes them when it is back.
package store
