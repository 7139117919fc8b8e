package plan

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	authorization "k8s.io/client-go/kubernetes/typed/authorization/v1"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/cmd/daemongate/account"
	"github.com/daemongate/daemongate/cmd/daemongate/plan/answer"
	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/observe"
	"github.com/daemongate/daemongate/rollout/plan"
	"github.com/daemongate/daemongate/rollout/words"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// cluster is what is asked of a cluster for one plan.
type cluster struct {
	objects *manifests.Client // asks what an apply would do
	reader  *manifests.Client // reads what is there, as the caller
	asSync  bool              // objects has the rights of the Sync's ServiceAccount
	clients observe.Clients
	rollout rollout.Options
	set     manifests.Set
	merged  map[manifests.ID]manifests.Merged
	refused []answer.Refused
	notes   []string
	nodes   []*corev1.Node
	sync    *api.Sync // that would apply it; nil if none was named
	reviews reviews
}

// live plans against a cluster, with the caller's own rights, or with those that a Sync applies with.
func (p *command) live(ctx context.Context, notes io.Writer) (answer.Answer, error) {
	config, namespace, err := p.Connect()
	if err != nil {
		return answer.Answer{}, err
	}
	c := &cluster{merged: map[manifests.ID]manifests.Merged{}, asSync: p.asSync}
	applies, options, of := config, manifests.Options{DefaultNamespace: namespace}, ""
	if p.sync != "" {
		s, err := p.Sync(ctx, p.sync)
		if err != nil {
			return answer.Answer{}, err
		}
		c.sync, options, of = s, sync.WriteOptions(s), s.Namespace+"/"+s.Name
		if applies, err = p.ofSync(ctx, c, config, s); err != nil {
			return answer.Answer{}, err
		}
	}
	set, commit, err := p.render(ctx, notes)
	if err != nil {
		return answer.Answer{}, err
	}
	if err := c.connect(config, applies); err != nil {
		return answer.Answer{}, err
	}
	if err := c.ask(ctx, set, options); err != nil {
		return answer.Answer{}, err
	}
	plans := c.plans(ctx)
	c.refuseUnpaced(c.sync)
	paced := c.paced(c.sync, plans)
	c.refuseUnevictable(ctx, c.sync, plans)
	a := answer.New(commit, of, plans, c.refused, c.notes)
	a.Paced = paced
	return a, nil
}

// ofSync plans what a Sync would apply, and says how to ask what that would change.
func (p *command) ofSync(ctx context.Context, c *cluster, config *rest.Config, s *api.Sync) (*rest.Config, error) {
	applies, said, err := account.For(ctx, config, s, p.asSync)
	if err != nil {
		return nil, err
	}
	if said != "" && !p.asSync {
		c.note("%s", said)
	}
	if c.rollout, err = sync.RolloutOptions(s); err != nil {
		return nil, err
	}
	return applies, p.Aim(s, &p.from, &p.how, p.pathSet)
}

// connect makes the clients: what an apply would do is asked in the name of whoever would apply.
func (c *cluster) connect(config, applies *rest.Config) (err error) {
	if c.objects, err = manifests.NewClient(applies); err != nil {
		return err
	}
	if c.reader, err = manifests.NewClient(config); err != nil {
		return err
	}
	if c.reviews.own, err = authorization.NewForConfig(config); err != nil {
		return err
	}
	if c.reviews.applies, err = authorization.NewForConfig(applies); err != nil {
		return err
	}
	c.clients, err = observe.NewClients(config)
	return err
}

// render is what the commit asks for, and which commit it is.
func (p *command) render(ctx context.Context, notes io.Writer) (set manifests.Set, commit string, err error) {
	var told bytes.Buffer
	set, err = p.how.Set(ctx, &p.from, io.MultiWriter(notes, &told))
	first, _, _ := strings.Cut(told.String(), "\n")
	if strings.HasPrefix(first, "commit ") {
		commit = first
	}
	return set, commit, err
}

// ask has the API server say what an apply would make of each object. What it refuses is a finding; what the caller may
// not ask is noted.
func (c *cluster) ask(ctx context.Context, set manifests.Set, o manifests.Options) error {
	var err error
	if c.set, err = c.objects.Resolve(ctx, set, o); err != nil {
		refused, rest := c.sort(err)
		c.refused = append(c.refused, refused...)
		c.set = set
		return rest
	}
	merged, problem := c.objects.Merge(ctx, c.set, o)
	for _, m := range merged {
		c.merged[m.Object] = m
		if m.Conflict != nil {
			c.addConflict(m, o.Owner != (manifests.Owner{}))
		}
	}
	refused, rest := c.sort(problem)
	c.refused = append(c.refused, refused...)
	return rest
}

// daemonSets are those of the commit, as the API server would make them where it could be asked.
func (c *cluster) daemonSets() []*appsv1.DaemonSet {
	list := c.set.DaemonSets()
	for i, d := range list {
		if m, asked := c.merged[daemonSetID(d)]; asked {
			if made := typed(m.Want); made != nil {
				list[i] = made
			}
		}
	}
	return list
}

func daemonSetID(d *appsv1.DaemonSet) manifests.ID {
	return manifests.ID{Group: appsv1.GroupName, Kind: "DaemonSet", Namespace: d.Namespace, Name: d.Name}
}

// typed is an object as a DaemonSet; nil if it is none, or nothing.
func typed(o *unstructured.Unstructured) *appsv1.DaemonSet {
	d := &appsv1.DaemonSet{}
	if o == nil || runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, d) != nil {
		return nil
	}
	return d
}

// plans weighs the DaemonSets of the commit.
func (c *cluster) plans(ctx context.Context) []plan.Plan {
	list := c.daemonSets()
	if len(list) == 0 {
		return nil
	}
	whole := c.look(ctx)
	c.nodes = whole.Nodes
	whole.Growing = c.growing()
	var inputs []plan.Input
	for _, next := range list {
		in := whole
		in.Next = next
		c.addCurrent(ctx, &in)
		c.addFound(ctx, &in)
		in.Changes = c.changes()
		c.addQuotas(ctx, &in)
		c.addStorage(ctx, &in)
		c.admit(ctx, &in)
		inputs = append(inputs, in)
	}
	return plan.Commit(inputs)
}

// look reads what concerns all DaemonSets of the commit.
func (c *cluster) look(ctx context.Context) plan.Input {
	in := plan.Input{Options: c.rollout, Now: c.clients.Now()}
	c.addNodes(ctx, &in)
	classes, err := c.clients.Classes.PriorityClasses().List(ctx, inCache)
	if err != nil {
		c.unread(&in, plan.KindClasses, err)
	} else {
		for i := range classes.Items {
			in.Classes = append(in.Classes, &classes.Items[i])
		}
	}
	in.Classes = append(in.Classes, brought(c.set)...)
	return in
}

// addNodes reads the nodes and what stands on them.
func (c *cluster) addNodes(ctx context.Context, in *plan.Input) {
	nodes, err := c.clients.Core.Nodes().List(ctx, inCache)
	if err != nil {
		c.unread(in, rollout.KindNodes, err)
		return
	}
	var names []string
	for i := range nodes.Items {
		in.Nodes = append(in.Nodes, &nodes.Items[i])
		names = append(names, nodes.Items[i].Name)
	}
	in.Others = c.clients.Everything(ctx, names)
	for _, m := range in.Others.Missing {
		c.note("%s: %s", m.Kind, m.Why)
	}
}

// addCurrent reads the DaemonSet that is there, its pods and its revisions.
func (c *cluster) addCurrent(ctx context.Context, in *plan.Input) {
	id := daemonSetID(in.Next)
	live := c.merged[id].Live
	if _, asked := c.merged[id]; !asked {
		var err error
		if live, err = c.reader.Get(ctx, id); err != nil {
			c.unread(in, "daemonsets", err)
		}
	}
	if in.Current = typed(live); in.Current == nil {
		return
	}
	l, err := c.clients.PodsOf(ctx, in.Current)
	if err != nil {
		c.unread(in, l.Missing[0], err)
	}
	in.Pods, in.Revisions = l.Pods, l.Revisions
}

// unread notes that something could not be read, once.
func (c *cluster) unread(in *plan.Input, kind string, err error) {
	why := words.Clip(err.Error(), 200)
	in.Unread = append(in.Unread, rollout.Unknown{Kind: kind, Why: why})
	c.note("%s: %s", kind, why)
}

func (c *cluster) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(c.notes, text) {
		c.notes = append(c.notes, text)
	}
}
