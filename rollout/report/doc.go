// Package report tells a judgement in words: to a person, to a script, and in one line to a Git host.
package report
