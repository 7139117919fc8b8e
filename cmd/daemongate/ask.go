package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/view"
)

// newSync asks for a poll and for another try of a commit that failed.
func newSync() *cobra.Command {
	var k cluster
	var override, full bool
	var reason string
	c := &cobra.Command{
		Use:   "sync NAME",
		Short: "Poll the repository now, and try again a head that failed or was rolled back",
		Example: `  daemongate sync node-agents
  daemongate sync node-agents --full
  daemongate sync node-agents --override-window --reason "the agent leaks memory, ticket 4711"`,
		Args: arguments(cobra.MatchAll(cobra.ExactArgs(1), ofSyncs)),
		RunE: func(c *cobra.Command, args []string) error {
			if override != (strings.TrimSpace(reason) != "") {
				return usage(c, errors.New("--override-window and --reason go together: say why the commit cannot "+
					"wait"))
			}
			if override && full {
				return usage(c, errors.New("--full does not go with --override-window: ask once for each"))
			}
			if override {
				return overrideWindow(c, &k, args[0], reason)
			}
			s, syncs, err := k.sync(c.Context(), args[0])
			if err != nil {
				return err
			}
			if s.Spec.Suspend {
				return fmt.Errorf("Sync %s/%s: is suspended, so nothing is polled or applied: `daemongate resume %s` "+
					"first", s.Namespace, s.Name, s.OnCommandLine())
			}
			why, known := k.stopped(c.Context())
			if !known {
				why = view.Suspended(s)
			}
			if why != "" {
				return fmt.Errorf("Sync %s/%s: is suspended, so nothing is polled or applied: %s; `daemongate resume "+
					"--all` first", s.Namespace, s.Name, why)
			}
			request := syncs.Request
			if full {
				request = syncs.RequestFull
			}
			if err := request(c.Context(), s.Namespace, s.Name, time.Now()); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "asked for Sync %s/%s\n", s.Namespace, s.Name)
			return err
		},
	}
	k.addTo(c.Flags())
	c.Flags().BoolVar(&override, "override-window", false,
		"let the present head start although no window is open, once")
	c.Flags().BoolVar(&full, "full", false,
		"also compare every object with the commit by a dry run, whatever is known of it")
	c.Flags().StringVar(&reason, "reason", "", "why it cannot wait for a window; recorded with who you say you are")
	return c
}

// newRelease lets the gate go on where it needs a person's word.
func newRelease() *cobra.Command {
	var k cluster
	c := &cobra.Command{
		Use:   "release NAME",
		Short: "Let what is held start, the next pass what is stuck, a large prune go on, or a rollback be tried again",
		Args:  arguments(cobra.MatchAll(cobra.ExactArgs(1), ofSyncs)),
		RunE: func(c *cobra.Command, args []string) error {
			s, syncs, err := k.sync(c.Context(), args[0])
			if err != nil {
				return err
			}
			commit, state := released(&s.Status)
			if commit == "" {
				return errors.New("there is nothing to release: no commit is stuck or held as a rewritten history " +
					"or for want of room, and no prune waits")
			}
			if err := syncs.Release(c.Context(), s.Namespace, s.Name, commit, time.Now()); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "released %s, which is %s\n", api.Short(commit), state)
			return err
		},
	}
	k.addTo(c.Flags())
	return c
}

// released is the commit that a release speaks of, and how it is; empty if there is none. That is the one that the
// status says others wait for, which the gate has named. Where nobody waits for a release it is the one in flight, or
// once that has only taken the place of a stuck one and nothing of it waits, the stuck one, which is tried again. The
// gate of an earlier version named nobody: then it is the head of a rewritten history, or what waits for room.
func released(s *api.SyncStatus) (string, api.CommitState) {
	f := s.InFlight
	switch c := s.Held.Release; {
	case c == "":
	case f != nil && f.Commit == c:
		return c, f.State
	default:
		return c, api.Held
	}
	if r := s.Rewrite; r != nil && r.Released == "" && (f == nil || f.State.Settled()) {
		return r.To, api.Held
	}
	if p := s.Preflight; p != nil && len(p.Held) > 0 && p.Reason == s.Held.Reason {
		return p.Held[len(p.Held)-1], api.Held
	}
	if f == nil || !f.State.Settled() {
		return "", ""
	}
	return releasedOf(f)
}

// releasedOf is that of a commit in flight that has settled.
func releasedOf(f *api.Flight) (string, api.CommitState) {
	if b := f.RollbackOf; b != nil && (f.Pruned || f.State == api.Stuck) {
		return b.Commit, api.Stuck
	}
	if f.State == api.Complete && f.Pruned && f.Relapse == nil {
		return "", "" // it has let everybody pass already
	}
	return f.Commit, f.State
}
