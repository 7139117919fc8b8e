// Package view is what people see of a Sync: its commits, what became of them, and every node with the commit on it.
// The terminal, a page and -o json are fed by it. It computes no truth of its own: verdicts, counts and classes are
// those of the judgement, and what the controller has said is told as it stands in the Sync's status.
package view
