// Package child renders commits in processes of their own: children of the same binary. kustomize cannot be interrupted
// or told how much memory to take; a process can. A child opens the mirror read-only, reads one commit by its hash,
// answers with what it renders to, and does another job of the same tenant if there is one at once. It gets no
// credentials, no environment and no files but its pipes, and fetches nothing: for another repository's commit it asks
// its parent, which answers with the folder of a mirror.
package child
