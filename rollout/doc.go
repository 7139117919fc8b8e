// Package rollout judges whether a commit's pods have taken over the nodes of a DaemonSet and, if not, says why
// not, which nodes, since when and what to do.
//
// [Judge] is pure: it is given one [Look] at the cluster, the [Target] that the commit asked for and the [Memory]
// of earlier looks. It has no clock, no client and no log, so every verdict can be repeated from a dump.
package rollout
