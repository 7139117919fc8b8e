package v1alpha1

// Short abbreviates a commit hash for people.
func Short(commit string) string { return commit[:min(len(commit), 7)] }

// OnCommandLine is how a command names the Sync, wherever it is typed: another namespace may be the default there.
func (s *Sync) OnCommandLine() string {
	if s.Namespace == "" {
		return s.Name
	}
	return s.Name + " -n " + s.Namespace
}
