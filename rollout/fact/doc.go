// Package fact reads single objects of Kubernetes (pods, nodes, Events, revisions) by the rules of Kubernetes' own
// controllers: whether a pod is Ready and since when, how often it has ended, which nodes a template is meant for.
package fact
