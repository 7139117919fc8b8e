// Package judge judges whether a commit's pods have taken over the nodes of a DaemonSet and, if not, says why not,
// which nodes, since when and what to do.
//
// [Rollout] is pure: it is given one look at the cluster, the target that the commit asked for and the memory of
// earlier looks. It has no clock, no client and no log, so every verdict can be repeated from a dump.
package judge
