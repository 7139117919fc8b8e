package watch

import (
	"context"
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/cmd/daemongate/watch/screen"
	"github.com/daemongate/daemongate/rollout/report"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// do does what the user asks for. What writes was asked about before.
func (s *shell) do(act screen.Act) tea.Cmd {
	switch act.Do {
	case screen.Quit:
		return tea.Quit
	case screen.Explain:
		text := report.New(s.seen.Judged...).Text()
		if text == "" {
			text = "nothing is in flight that a commit waits for"
		}
		s.screen.Show("explain", text)
	case screen.Log:
		var b strings.Builder
		if err := s.looker.reach.History(&b, s.seen.Sync.Status.History); err != nil {
			s.screen.Tell(err.Error())
			return nil
		}
		s.screen.Show("log", b.String())
	case screen.Diff:
		return s.compare()
	case screen.Sync, screen.Release, screen.Suspend, screen.Promote, screen.Pause:
		return func() tea.Msg { return toldMsg(s.looker.write(s.ctx, act)) }
	}
	return nil
}

// compare asks what the newest commit would change, which may take a while: the repository is read and the cluster
// asked.
func (s *shell) compare() tea.Cmd {
	s.screen.Tell("asking the cluster what the newest commit would change…")
	if s.comparing {
		return nil
	}
	s.comparing = true
	return func() tea.Msg {
		var text, notes strings.Builder
		err := s.looker.reach.Diff(s.ctx, s.looker.name, &text, &notes)
		if err != nil {
			fmt.Fprintln(&notes, err)
		}
		if text.Len() == 0 && err == nil {
			text.WriteString("nothing would change\n")
		}
		return comparedMsg(notes.String() + text.String())
	}
}

// write does what was said yes to, with the caller's own rights, and returns what became of it.
func (l *looker) write(ctx context.Context, act screen.Act) string {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var err error
	done := ""
	switch act.Do {
	case screen.Sync:
		done = "asked for a poll"
		err = l.syncs.Request(ctx, l.namespace, l.name, time.Now())
	case screen.Release:
		done = "released " + api.Short(act.Commit)
		err = l.syncs.Release(ctx, l.namespace, l.name, act.Commit, time.Now())
	case screen.Suspend:
		done = map[bool]string{true: "suspended", false: "resumed"}[act.On]
		var changed bool
		if changed, err = l.syncs.Suspend(ctx, l.namespace, l.name, act.On); err == nil && !changed {
			done = "was " + done + " already"
		}
	case screen.Promote:
		p := act.Promotion
		done = fmt.Sprintf("promoted %s: it goes on after %s", api.Short(p.Commit), p.Stage)
		err = l.syncs.Promote(ctx, l.namespace, l.name, p.Commit, p.Index, time.Now())
	case screen.Pause:
		done, err = l.pause(ctx, act.On)
	}
	if err != nil {
		return fmt.Sprintf("not done: %v", err)
	}
	return done
}

// pause has the rollouts of the Sync stand still, or go on.
func (l *looker) pause(ctx context.Context, on bool) (done string, err error) {
	if on {
		return "paused", l.syncs.Pause(ctx, l.namespace, l.name, api.Pause{By: l.reach.User(ctx),
			At: metav1.NewTime(time.Now().UTC().Truncate(time.Second))})
	}
	changed, err := l.syncs.Unpause(ctx, l.namespace, l.name)
	if !changed {
		return "was not paused any more", err
	}
	return "the rollouts go on", err
}
