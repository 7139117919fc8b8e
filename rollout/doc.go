// Package rollout has the words of a rollout: the [Target] that a commit asked for, the [Look] at the cluster, the
// [Memory] of earlier looks, the [Options], and the [Judgement] with its causes. Its folders do the work:
//
//   - observe turns watches into looks, dump turns files into looks; trim says what both keep of an object
//   - judge says whether a commit's pods have taken over the nodes and, if not, why not, since when and what to do
//   - report tells a judgement to people and to scripts
//   - fact reads single objects by the rules of Kubernetes' own controllers; words writes lists and numbers
//
// All but observe and dump are pure: no clock, no client, no disk and no log, so every verdict can be repeated from a
// dump.
package rollout
