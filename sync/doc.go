// Package sync brings a cluster to the newest commit of a Git ref, one commit at a time.
//
// The gate decides, without I/O, clock or log; the Controller looks, asks the gate, and does what it decided.
package sync
