// Package dump turns what kubectl printed of a cluster into looks for the judge.
package dump
