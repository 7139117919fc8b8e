// Package trim says what is kept of the objects that a judgement is made of, and which Events are evidence.
package trim
