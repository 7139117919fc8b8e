// Package sync brings a cluster to the newest commit of a Git ref, one commit at a time.
//
// Gate decides, without I/O, clock or log; the Controller looks, asks the Gate, and does what it decided.
package sync
