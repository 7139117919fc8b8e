// Package outbox sees to it that a Git host gets to know what became of every commit: the newest state of each, at
// least once, however long the host is away and however often the process restarts. What it is to be told is kept in a
// ConfigMap beside the Sync until the host has taken it. Nobody waits for a host.
package outbox
