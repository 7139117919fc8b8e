package v1alpha1

// Short abbreviates a commit hash for people.
func Short(commit string) string { return commit[:min(len(commit), 7)] }
