package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/cmd/chaos/laws"
	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/manifests/install"
	syncs "github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

const (
	controllers    = "chaos/" // how the user agents of controllers begin
	leaseNamespace = "daemongate-system"
	syncName       = "agents"
	// patience is how long a commit may take to settle, with all that goes wrong on the way.
	patience = 10 * time.Minute
	// pause is how long nothing was written when a run is over: mere progress is written every ten seconds.
	pause = 12 * time.Second
)

// stage is a cluster that runs are played on, side by side: each has a namespace, a Lease, a Git server and controllers
// of its own. What fails of the cluster fails for all of them.
type stage struct {
	cluster    *clustertest.Cluster
	account    *rest.Config // the installed controller's
	syncs      *syncs.Syncs
	nodes      []string
	restarting sync.Mutex
	etcdPaused atomic.Bool
}

// restartAPI has the API server end by kill -9 and started again.
func (s *stage) restartAPI() error {
	s.restarting.Lock()
	defer s.restarting.Unlock()
	return s.cluster.Devcluster("restart", "kube-apiserver")
}

// fleet is how many nodes it has.
const fleet = 3

// theCluster is one whose nodes stay Ready while etcd stands still for 30 s.
var theCluster = clustertest.Options{Nodes: fleet, NodeGrace: 2 * time.Minute, AuditLog: true}

func newStage(ctx context.Context, c *clustertest.Cluster) (*stage, error) {
	client, err := dynamic.NewForConfig(c.Config)
	if err != nil {
		return nil, err
	}
	objects, err := installed()
	if err != nil {
		return nil, err
	}
	if err := install.Apply(ctx, c.Config, objects); err != nil {
		return nil, err
	}
	s := &stage{cluster: c, syncs: syncs.NewSyncs(client)}
	for n := range fleet {
		s.nodes = append(s.nodes, fmt.Sprintf("node-%03d", n+1))
	}
	s.account, err = accountOf(ctx, c.Config)
	return s, err
}

// play is one run.
type play struct {
	*stage
	plan      plan
	namespace string // of the Sync; the Lease and the repository have the same name
	dir       string
	binaries  []string // that the replicas run, the first one at first
	out       io.Writer
	repo      *repository
	faults    *faults
	audit     int64       // where the audit log ended before
	crash     atomic.Bool // of a controller, all by itself
	pushed    []string
}

// binary is what a replica runs.
func (p *play) binary(r *replica) string {
	return p.binaries[min(r.starts-1, len(p.binaries)-1)]
}

// outcome is what a run came to: what broke a law, the steps that there were, and what went wrong at them.
type outcome struct {
	found  []laws.Violation
	steps  []step
	played played
}

// run plays a plan. An error says that it could not be played to its end.
func (s *stage) run(ctx context.Context, plan plan, dir string, out io.Writer, binaries ...string) (outcome, error) {
	p := &play{stage: s, plan: plan, namespace: fmt.Sprintf("chaos-%d", plan.seed), dir: dir, binaries: binaries,
		out: out}
	if err := p.prepare(ctx); err != nil {
		return outcome{}, err
	}
	defer p.repo.server.close()
	running, end := context.WithCancel(ctx)
	defer end()
	p.faults.replicas = []*replica{p.start(running, "a"), p.start(running, "b")}
	silent, err := p.story(ctx)
	for _, left := range p.faults.rest() {
		_, _ = fmt.Fprintf(out, "did not happen: %s\n", left)
	}
	end()
	for _, r := range p.faults.replicas {
		<-r.done
	}
	o := outcome{steps: p.faults.steps, played: p.faults.played}
	if p.crash.Load() {
		return o, errors.New("a controller panicked: see its log")
	}
	if err != nil {
		return o, err
	}
	o.found, err = p.check(ctx, silent)
	return o, err
}

// prepare makes the namespace, the repository with its first commit, and the Sync.
func (p *play) prepare(ctx context.Context) error {
	if at, err := os.Stat(p.cluster.AuditLog()); err == nil {
		p.audit = at.Size()
	}
	if _, err := p.cluster.CreateRepo(p.namespace); err != nil {
		return err
	}
	var err error
	p.faults = &faults{stage: p.stage, log: p.out, left: slices.Clone(p.plan.faults), played: played{}}
	p.repo, err = newRepository(ctx, p.cluster.GitURL, p.cluster.RepoPath(p.namespace), filepath.Join(p.dir, "work"),
		p.faults.git)
	if err != nil {
		return err
	}
	p.faults.repo = p.repo
	if err := p.push(ctx, newFiles(), commit{subject: "v1"}); err != nil {
		return err
	}
	objects, err := objectsOf(p.namespace, p.repo.url)
	if err != nil {
		return err
	}
	return install.Apply(ctx, p.cluster.Config, objects)
}

func (p *play) start(ctx context.Context, name string) *replica {
	r := &replica{name: name, play: p, done: make(chan struct{})}
	go r.keep(ctx, p.out)
	return r
}

func (p *play) push(ctx context.Context, f *files, c commit) error {
	hash, err := p.repo.push(ctx, f, c)
	if err != nil {
		return err
	}
	p.pushed = append(p.pushed, hash)
	_, _ = fmt.Fprintf(p.out, "%s  git push  %s  %q\n", time.Now().Format("15:04:05"), api.Short(hash), c.subject)
	return nil
}

// story pushes the commits and waits until the last one is complete and nothing happens any more. It returns since
// when.
func (p *play) story(ctx context.Context) (time.Time, error) {
	if err := p.begins(ctx); err != nil {
		return time.Time{}, err
	}
	f, told := newFiles(), true
	for _, c := range p.plan.commits {
		if c.wait && told {
			if err := p.settles(ctx, false); err != nil {
				return time.Time{}, err
			}
		} else if err := sleep(ctx, c.pause); err != nil {
			return time.Time{}, err
		}
		c.edit(f)
		if err := p.push(ctx, f, c); err != nil {
			return time.Time{}, err
		}
		told = c.subject != unchanged // of which a status tells later, with the next one
	}
	if err := p.settles(ctx, true); err != nil {
		return time.Time{}, err
	}
	p.faults.running.Wait()
	if err := p.falls(ctx); err != nil {
		return time.Time{}, err
	}
	return time.Now(), sleep(ctx, leaseTime)
}

// begins waits until the first commit is in flight: of those before, nothing is promised.
func (p *play) begins(ctx context.Context) error {
	return p.wait(ctx, "the first commit to be in flight", func(s *api.SyncStatus) bool { return s.InFlight != nil })
}

// settles waits until the newest commit has settled, or is complete and pruned.
func (p *play) settles(ctx context.Context, complete bool) error {
	newest := p.pushed[len(p.pushed)-1]
	return p.wait(ctx, api.Short(newest)+" to settle", func(s *api.SyncStatus) bool {
		return settled(s, newest, complete)
	})
}

func (p *play) wait(ctx context.Context, what string, is func(*api.SyncStatus) bool) error {
	seen := ""
	for end := time.Now().Add(patience); time.Now().Before(end) && !p.crash.Load(); {
		s, err := p.syncs.Get(ctx, p.namespace, syncName)
		if err != nil {
			seen = err.Error()
		} else if seen = fmt.Sprintf("%+v", s.Status.Summary); is(&s.Status) {
			return nil
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("waited %s in vain for %s: %s", patience, what, seen)
}

func settled(s *api.SyncStatus, commit string, complete bool) bool {
	if complete {
		return s.InFlight.Landed() && s.InFlight.Commit == commit
	}
	for _, r := range s.History {
		if r.Commit == commit && r.State.Settled() {
			return true
		}
	}
	return false
}

// falls waits until the controllers have written nothing for a while.
func (p *play) falls(ctx context.Context) error {
	last, since := -1, time.Now()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if n := p.faults.count(); n != last {
			last, since = n, time.Now()
		}
		if time.Since(since) > pause {
			return nil
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("something is written again and again, %d steps within %s", last, patience)
}

// check reads the audit log and the repository.
func (p *play) check(ctx context.Context, silent time.Time) ([]laws.Violation, error) {
	text, err := os.ReadFile(p.cluster.AuditLog())
	if err != nil {
		return nil, err
	}
	log, err := laws.ReadLog(bytes.NewReader(text[p.audit:]))
	if err != nil {
		return nil, err
	}
	history, err := laws.ReadHistory(ctx, p.repo.bare, "main")
	if err != nil {
		return nil, err
	}
	return laws.Check(laws.Run{Namespace: p.namespace, Name: syncName, LeaseNamespace: leaseNamespace,
		LeaseName: p.namespace, Nodes: p.nodes, Controllers: controllers, Silent: silent}, log, history), nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
