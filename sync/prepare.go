package sync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/manifests/dense"
	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/child"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/deaths"
	"github.com/daemongate/daemongate/sync/deletion"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/pacing"
	"github.com/daemongate/daemongate/sync/preflight"
	"github.com/daemongate/daemongate/sync/stored"
)

// unavailablePause is how long a commit waits that could not be prepared through no fault of its own.
const unavailablePause = 5 * time.Second

// readySet is a set that the cluster said it would accept.
type readySet struct {
	gate.Prepared
	// set is what is asked for. Of one that is packed it has the objects that run pods, and packed has all.
	set    manifests.Set
	packed *manifests.Packed
	// read is what the render read or looked for.
	read []string
	// before is what each DaemonSet is like before the first write.
	before map[manifests.ID]daemonSetBefore
	// brakes are those that outlast the write of the set.
	brakes map[manifests.ID]manifests.Brake
	// predecessors of each DaemonSet are those that it takes over from.
	predecessors map[manifests.ID][]api.Predecessor
	// fits is what was found about room on the nodes for the DaemonSets that were weighed.
	fits    preflight.Finding
	weighed []*appsv1.DaemonSet
	// warnings are for whoever wrote the commit.
	warnings []string
	// lost is set if the process ended that rendered it.
	lost bool
	// barred is why the Sync may write nothing, nil if it may.
	barred *Barred
}

// prepare renders a commit and has the cluster check the whole of it. Nothing is written.
func (p *preparation) prepare(ctx context.Context, commit string) *readySet {
	r := p.nothingOf(commit)
	if r.barred = p.mayNot(commit); r.barred != nil {
		return r.unavailable(r.barred, p.Now())
	}
	if why := deaths.Stopped(p.sync.Status.Renders, p.sync.Generation, p.asked, p.Now()); why != "" {
		return r.not(gate.Invalid, toldWhole(errors.New(why)), p.Now())
	}
	tree, err := p.source.Tree(ctx, p.sync, commit)
	if err == nil && p.repeats(ctx, tree) { // nothing is written for it, and so nobody needed to write as
		return r.same(p.flying)
	}
	if r.barred = p.hasNobody(ctx, commit); r.barred != nil {
		return r.unavailable(r.barred, p.Now())
	}
	if errors.Is(err, gitsource.ErrAbsent) && commit == p.sync.Status.LastComplete {
		return r.not(gate.Refused, toldWhole(fmt.Errorf("it is no longer in the repository: %w", err)), p.Now())
	}
	if err != nil {
		return r.unavailable(err, p.Now())
	}
	return p.render(ctx, r, tree)
}

// render renders a commit's tree, and has the cluster check what comes out.
func (p *preparation) render(ctx context.Context, r *readySet, tree *gitsource.Tree) *readySet {
	if err := specProblem(p.sync); err != nil { // which is no fault of the commit's
		return r.unavailable(err, p.Now())
	}
	options, limits, lowered, err := p.renderOptions()
	if err != nil {
		return r.unavailable(err, p.Now())
	}
	built, err := p.Renders.Build(ctx, tree, p.sync.Spec.Source.Path, options, limits)
	var unread *render.TreeError
	if errors.As(err, &unread) {
		return r.unavailable(err, p.Now())
	}
	if ctx.Err() != nil { // also if the render itself has just ended well
		return r.unavailable(context.Cause(ctx), p.Now())
	}
	if err != nil && len(lowered) > 0 {
		err = fmt.Errorf("%w; %s", err, strings.Join(lowered, "; "))
	}
	if r.lost = endedAProcess(err); mayPassLater(err) {
		return r.not(gate.Slow, toldWhole(fmt.Errorf("%w; it is tried again, with pauses from 30 s to 15 min", err)),
			p.Now())
	}
	if err == nil && p.sync.Spec.Render.Strict {
		err = built.Strict()
	}
	if err != nil {
		return r.not(gate.Invalid, toldWhole(err), p.Now())
	}
	r.warnings = droppedWords(built)
	set, err := manifests.NewSet(built.Objects)
	if err = errors.Join(err, manifests.CheckRecords(built.Objects)); err != nil {
		return r.not(gate.Invalid, toldWhole(err), p.Now())
	}
	return p.check(ctx, r, set, built.Read)
}

// mayPassLater reports whether a render failed for want of time, or because its process was ended from outside.
func mayPassLater(err error) bool {
	var slow *child.SlowError
	var lost *child.LostError
	return errors.As(err, &slow) || errors.As(err, &lost)
}

// endedAProcess reports whether the process ended that rendered.
func endedAProcess(err error) bool {
	var lost *child.LostError
	return errors.As(err, &lost) && !lost.NotStarted
}

const mostDropped = 10 // of a commit in warnings: each is an Event

// droppedWords are what kustomize dropped of a commit, for whoever wrote it.
func droppedWords(built render.Result) []string {
	words := slices.Clone(built.Dropped)
	if more := len(words) - mostDropped; more > 0 {
		words = append(words[:mostDropped], fmt.Sprintf("and %d more like these: see daemongate render", more))
	}
	return words
}

// repeats reports whether a tree leaves everything as it was that the set in flight was rendered from.
func (p *preparation) repeats(ctx context.Context, tree *gitsource.Tree) bool {
	f := p.flying
	if f == nil || f.Generation != p.sync.Generation || p.sync.Status.InFlight.Unwritten() {
		return false
	}
	before, err := p.source.Tree(ctx, p.sync, f.Commit)
	if err != nil {
		return false
	}
	same, err := render.Unchanged(f.read, before, tree)
	return err == nil && same
}

// check asks the cluster about a rendered set, unless it is the one in flight.
func (p *preparation) check(ctx context.Context, r *readySet, set manifests.Set, read []string) *readySet {
	writer, err := p.Connect.Writer(p.sync)
	if err != nil {
		return r.unavailable(err, p.Now())
	}
	set, err = writer.Resolve(ctx, set, WriteOptions(p.sync))
	if err != nil {
		return r.refused(err, p.Now())
	}
	r.ready(set, read)
	if err := errors.Join(p.tooLarge(set), pacing.Refuses(p.sync, r.Commit, set.DaemonSets())); err != nil {
		return r.not(gate.Invalid, toldWhole(err), p.Now())
	}
	if f := p.sync.Status.InFlight; f != nil && f.Digest == r.Digest && !f.Unwritten() {
		return r
	}
	p.recallProofs(ctx, writer)
	ctx, warnings := manifests.CollectWarnings(ctx)
	preview, err := p.proofs.Preview(ctx, writer, set, WriteOptions(p.sync))
	if err != nil {
		return r.refused(err, p.Now())
	}
	for _, w := range warnings.List() {
		r.warnings = append(r.warnings, fmt.Sprintf("%s: %s", w.Object, w.Text))
	}
	return p.lookAhead(ctx, r, preview)
}

// tooLarge says that more would have to be remembered of a set than there is room for.
func (p *preparation) tooLarge(set manifests.Set) error {
	if others := len(set.Awaited()) - len(set.DaemonSets()); others > stored.MaxAwaited {
		return fmt.Errorf("the set has %d objects, and waits for %d of them that are no DaemonSets, of which one Sync "+
			"remembers %d at most: split it into several", set.Len(), others, stored.MaxAwaited)
	}
	if err := p.Syncs.Inventories.Fits(entriesOf(inventoryOf(p.sync).Union(set.Inventory()))); err != nil {
		return fmt.Errorf("the set, with what is there already: %w", err)
	}
	return nil
}

// same is a set that was prepared before.
func (r *readySet) same(as *readySet) *readySet {
	r.set, r.packed, r.read = as.set, as.packed, as.read
	r.Digest, r.Outcome, r.Objects = as.Digest, gate.Ready, as.Objects
	return r
}

// whole is all that is asked for.
func (r *readySet) whole() (manifests.Set, error) {
	if r.packed != nil {
		return r.packed.Set()
	}
	return r.set, nil
}

// inShort is the same with its set packed, and its strings in one piece. It stays as it is if that cannot be.
func (r *readySet) inShort() *readySet {
	packed, err := r.set.Packed()
	if err != nil {
		return r
	}
	pods := map[manifests.ID]bool{}
	for _, o := range r.set.Workloads() {
		pods[manifests.IDOf(o)] = true
	}
	short := *r
	short.packed, short.set = packed, r.set.Only(func(id manifests.ID) bool { return pods[id] })
	names := struct {
		Objects []api.InventoryEntry
		Read    []string
	}{slices.Clone(r.Objects), slices.Clone(r.read)}
	dense.Of(&names)
	short.Objects, short.read = names.Objects, names.Read
	return &short
}

// unneeded is what an inventory names and the set does not ask for.
func (r *readySet) unneeded(inventory manifests.Inventory) manifests.Inventory {
	if r.packed != nil {
		return r.packed.Unneeded(inventory)
	}
	return inventory.Without(r.set)
}

// inFull is the same with its set unpacked; as it is if that fails.
func (r *readySet) inFull() (*readySet, error) {
	set, err := r.whole()
	if err != nil || r.packed == nil {
		return r, err
	}
	full := *r
	full.set, full.packed = set, nil
	return &full, nil
}

func (r *readySet) ready(set manifests.Set, read []string) *readySet {
	r.set, r.read, r.Digest, r.Outcome = set, read, set.Digest(), gate.Ready
	r.Objects = entriesOf(set.Inventory())
	return r
}

// refused says that the cluster would not take the set, unless it is the cluster that is in trouble.
func (r *readySet) refused(err error, now time.Time) *readySet {
	if manifests.Temporary(err) {
		return r.unavailable(err, now)
	}
	return r.not(gate.Refused, api.Message{Private: api.TextOf(err), Public: refusedWords(err)}, now)
}

// unavailable says that Git or the cluster could not be asked. What they said of it is not for everybody.
func (r *readySet) unavailable(err error, now time.Time) *readySet {
	return r.not(gate.Unavailable, privately(err), now)
}

// toldWhole is an error about the commit's own files, or of our own making, which everybody may be told: it names no
// value of a Secret.
func toldWhole(err error) api.Message { return api.ForAll(api.Public(api.TextOf(err))) }

func (r *readySet) not(o gate.Outcome, problem api.Message, now time.Time) *readySet {
	r.Outcome, r.Problem, r.Digest = o, problem, ""
	r.RetryAt = now.Add(unavailablePause)
	return r
}

// WriteOptions say for whom and how the set of a Sync is written.
func WriteOptions(s *api.Sync) manifests.Options {
	return manifests.Options{
		Owner:            deletion.OwnerOf(s),
		Force:            s.Spec.Apply.Force,
		TargetNamespace:  s.Spec.Apply.TargetNamespace,
		DefaultNamespace: s.Namespace,
		Recreate:         s.Spec.Apply.Recreate == api.RecreateOrphan,
		Inventory:        inventoryOf(s),
	}
}

// AppliesAs says with whose rights the set of a Sync is written, if its spec names somebody; else "".
func AppliesAs(s *api.Sync) string {
	if s.Spec.Apply.ServiceAccountName == "" {
		return ""
	}
	return fmt.Sprintf("the Sync applies as ServiceAccount %s/%s, whose rights were not asked for", s.Namespace,
		s.Spec.Apply.ServiceAccountName)
}

// Elsewhere says that the objects of a Sync are in another cluster.
func Elsewhere(s *api.Sync) error {
	if s.Spec.Apply.KubeConfig == nil {
		return fmt.Errorf("the objects of Sync %s/%s are in another cluster, which spec.apply.kubeConfig led to",
			s.Namespace, s.Name)
	}
	return fmt.Errorf("the objects of Sync %s/%s are in another cluster, which the kubeconfig in Secret %s leads to",
		s.Namespace, s.Name, s.Spec.Apply.KubeConfig.SecretRef.Name)
}

// doubted is the outcome of a commit that may not be believed yet; nil if it may.
func (p *preparation) doubted(ctx context.Context, commit string) *readySet {
	err := p.source.Doubt(ctx, p.sync, commit)
	if err == nil {
		return nil
	}
	r := p.nothingOf(commit)
	return r.unavailable(err, p.Now())
}
