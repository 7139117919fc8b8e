// Package devpackages tries what Daemongate is installed by as people use it: with Helm and kustomize, on a cluster. It
// is a module of its own, which has nothing but tests, so that Helm does not get among the dependencies of Daemongate.
package devpackages
