// Package notify tells a receiver of each change of a commit's state, by one message each, in order: at least once,
// however long the receiver is away and however often the process restarts. What it is to be told is kept in a
// ConfigMap beside the Sync until the receiver has taken it. Nobody waits for a receiver.
package notify
