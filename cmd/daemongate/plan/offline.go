package plan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/daemongate/daemongate/cmd/daemongate/plan/answer"
	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/dump"
	"github.com/daemongate/daemongate/rollout/plan"
)

// offline plans against a dump. Nobody fills in defaults there, and nobody admits a pod.
func (p *command) offline(ctx context.Context, notes io.Writer) (answer.Answer, error) {
	set, commit, err := p.render(ctx, notes)
	if err != nil {
		return answer.Answer{}, err
	}
	at, err := p.time()
	if err != nil {
		return answer.Answer{}, err
	}
	d, err := p.readDumps(at)
	if err != nil {
		return answer.Answer{}, err
	}
	namespace := p.namespace
	if namespace == "" {
		namespace = "default"
	}
	o := &dumped{dump: d, set: set, namespace: namespace}
	var inputs []plan.Input
	for _, next := range set.DaemonSets() {
		inputs = append(inputs, o.input(next))
	}
	return answer.New(commit, "", plan.Commit(inputs), nil, o.notes), nil
}

func (p *command) time() (time.Time, error) {
	if p.at == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, p.at)
	if err != nil {
		return at, fmt.Errorf("--at %s: want a time such as 2026-11-24T10:00:00Z", p.at)
	}
	return at, nil
}

// readDumps opens the files one after the other and closes them.
func (p *command) readDumps(at time.Time) (dump.Cluster, error) {
	var files []dump.File
	stdin := false
	for _, name := range p.dumps {
		if name == "-" {
			if stdin {
				return dump.Cluster{}, errors.New("stdin: can be read only once, -f - was given twice")
			}
			stdin = true
			files = append(files, dump.File{Name: "stdin", Reader: p.stdin})
			continue
		}
		f, err := os.Open(name)
		if err != nil {
			return dump.Cluster{}, err
		}
		defer f.Close()
		files = append(files, dump.File{Name: name, Reader: f})
	}
	return dump.ReadCluster(at, files...)
}

// dumped is a dump against which a commit is planned.
type dumped struct {
	dump      dump.Cluster
	set       manifests.Set
	namespace string
	notes     []string
}

// input is what is known of one DaemonSet of the commit.
func (o *dumped) input(next *appsv1.DaemonSet) plan.Input {
	next = next.DeepCopy()
	if next.Namespace == "" {
		next.Namespace = o.namespace
	}
	in := plan.Input{Now: o.dump.Now, Next: next, Growing: newcomers(o.set), Nodes: o.dump.Nodes, Others: o.dump.Others,
		Classes: append(slices.Clone(o.dump.Classes), brought(o.set)...)}
	for _, d := range o.dump.DaemonSets {
		if d.Target.Namespace == next.Namespace && d.Target.Name == next.Name {
			in.Current, in.Pods, in.Revisions = d.Look.DaemonSet, d.Look.Pods, d.Look.Revisions
		}
	}
	plan.FillIn(&next.Spec.Template)
	for _, q := range o.dump.Quotas {
		if q.Namespace == next.Namespace {
			in.Quotas = append(in.Quotas, q)
		}
	}
	in.Quotas = withBrought(in.Quotas, o.set, next.Namespace, o.namespace)
	if len(o.dump.Quotas) == 0 {
		in.Unread = append(in.Unread, rollout.Unknown{Kind: rollout.KindQuotas, Why: "the dump has none"})
	}
	if len(o.dump.Nodes) == 0 {
		in.Unread = append(in.Unread, rollout.Unknown{Kind: rollout.KindNodes, Why: "the dump has none"})
	}
	if len(o.dump.Classes) == 0 {
		in.Unread = append(in.Unread, rollout.Unknown{Kind: plan.KindClasses, Why: "the dump has none"})
	}
	for _, u := range append(slices.Clone(in.Unread), in.Others.Missing...) {
		if text := u.Kind + ": " + u.Why; !slices.Contains(o.notes, text) {
			o.notes = append(o.notes, text)
		}
	}
	in.Found = o.found(next)
	if claims(next) {
		look := *o.dump.Storage
		in.Storage = &look
		bringStorage(in.Storage, o.set.Objects(), o.namespace)
	}
	return in
}

// found is what the dump and the commit tell of the objects that a template needs. Of a kind of which the dump has
// nothing at all, nothing is known.
func (o *dumped) found(next *appsv1.DaemonSet) map[plan.Reference]plan.Found {
	all := map[plan.Reference]plan.Found{}
	for _, r := range plan.References(next) {
		id := idOf(r)
		brought := ofSet(o.set, id)
		if id.Namespace = ""; brought == nil && r.Namespace == o.namespace {
			brought = ofSet(o.set, id)
		}
		has, known := o.dump.Find(r.Kind, r.Namespace, r.Name)
		switch {
		case brought != nil:
			all[r] = found(brought)
		case known && (has != nil || makerOf(o.set, r) == ""):
			f := plan.Found{There: has != nil}
			if has != nil {
				f.Keys = has.Keys
			}
			all[r] = f
		}
	}
	return all
}
