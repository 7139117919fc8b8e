package manifests

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/daemongate/daemongate/manifests/fields"
)

// Every write is decided on a look, and the API server refuses it if the object is no longer so. A writer whose request
// is late, because it was paused or its network held the request, undoes nothing that others have done since.

const (
	// tries is how often an object is looked at and written, or deleted as it was looked at, while others keep writing
	// it: as a DaemonSet's controller does several times a second while its pods come up.
	tries = 10
	// longestPause is between two of them.
	longestPause = 200 * time.Millisecond
	// absent is a resourceVersion that no object has. An apply that carries it creates the object, or is refused
	// because there is one.
	absent = "1"

	reapplied = "another Daemongate has applied it since it was looked at"
)

// errOvertaken says that the API server refused a write for what was not there at the look: it tells conflicts about
// fields before it looks at whether the object has changed.
var errOvertaken = errors.New("somebody has written it since it was looked at")

// sawAll reports whether these field managers were there when the target was looked at.
func (t target) sawAll(managers []string) bool {
	if t.live == nil {
		return false
	}
	entries := t.live.GetManagedFields()
	return len(entries) == 0 || !slices.ContainsFunc(managers, func(manager string) bool {
		return !slices.ContainsFunc(entries, func(e metav1.ManagedFieldsEntry) bool { return e.Manager == manager })
	})
}

// over is the object as it is applied over what was looked at, nil if nothing was there.
func over(live, object *unstructured.Unstructured) *unstructured.Unstructured {
	o := object.DeepCopy()
	if live == nil {
		o.SetResourceVersion(absent)
		return o
	}
	o.SetUID(live.GetUID())
	o.SetResourceVersion(live.GetResourceVersion())
	return o
}

// overtaken reports whether a write was refused because the object is not as it was looked at. A conflict about fields
// is another matter.
func overtaken(err error) bool {
	var status apierrors.APIStatus
	switch {
	case errors.Is(err, errOvertaken):
		return true
	case !apierrors.IsConflict(err) || !errors.As(err, &status):
		return false
	}
	return len(fieldConflicts(status.Status())) == 0
}

// persist makes an attempt on what was looked at, and another on what has become of it, after a pause that doubles from
// 10 ms, for as long as others' writes come between. The attempt decides by the look anew, and finds none if the object
// is gone by then. What another Daemongate has applied since the look is left to whoever decided what to write.
func (c *Client) persist(ctx context.Context, t *target, attempt func() error) error {
	for try := range tries {
		err := attempt()
		if !overtaken(err) {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(min(10*time.Millisecond<<try, longestPause)):
		}
		now, err := c.read(ctx, *t)
		if err != nil {
			return err
		}
		if fields.Reapplied(t.live, now) {
			return &unready{t.id, reapplied}
		}
		t.live = now
	}
	return &unready{t.id, "others keep writing it"}
}

// Absences are the objects of a set that are not there, as far as is known. A write of such an object needs no look
// before it: the API server refuses it if the object is there all the same, and then the object is looked at. They are
// safe for concurrent use; of nil ones nothing is known.
type Absences struct {
	mu       sync.Mutex
	expected map[ID]bool    // not yet asked about
	found    map[ID]bool    // by a dry run
	looks    map[place]bool // where objects are looked at first: one was there, or none may be read
	doubted  map[place]bool // where a write may be taken in whatever is there: objects are looked at before each
}

// Unwritten are those objects of a set that an inventory does not name: they are likely not there.
func (s Set) Unwritten(inv Inventory) *Absences {
	a := &Absences{expected: make(map[ID]bool, len(s.objects)), found: map[ID]bool{}, looks: map[place]bool{},
		doubted: map[place]bool{}}
	for _, id := range s.IDs() {
		a.expected[id] = true
	}
	for _, e := range inv {
		delete(a.expected, e.ID)
	}
	return a
}

func placeOf(id ID) place { return place{id.groupKind(), id.Namespace} }

// expects reports whether an object is to be asked about as one that is not there.
func (a *Absences) expects(id ID) bool {
	if a == nil {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.expected[id] && !a.looks[placeOf(id)]
}

// asked takes in what the API server said to the dry run of an object at whose place nothing was seen. One that the
// Sync has written before it may itself make anew before the apply.
func (a *Absences) asked(id ID, refused error) {
	if a == nil || refused != nil && !lacksNamespace(id, refused) {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.expected[id] {
		delete(a.expected, id)
		a.found[id] = true
	}
}

// has reports whether a dry run found an object not to be there, and a write that is decided on that can be refused.
func (a *Absences) has(id ID) bool {
	if a == nil {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.found[id] && !a.doubted[placeOf(id)]
}

// look has what is of the kind of an object in its namespace be looked at from now on.
func (a *Absences) look(id ID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.looks[placeOf(id)] = true
}

// doubt has it be looked at before each write, too: a webhook there, or the API server, has taken out of a write what
// it was decided on.
func (a *Absences) doubt(id ID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.looks[placeOf(id)], a.doubted[placeOf(id)] = true, true
}

// readable is where the client's user may read.
type readable struct {
	mu  sync.Mutex
	may bool
}

// mayRead reports whether the client's user may read what is of the target's kind in its namespace. It is asked once:
// who may not read there is refused before anything is written, also where a write needs no look.
func (c *Client) mayRead(ctx context.Context, t target, a *Absences) bool {
	at := struct {
		schema.GroupVersionResource
		namespace string
	}{t.mapping.Resource, t.id.Namespace}
	known, _ := c.readable.LoadOrStore(at, &readable{})
	r, _ := known.(*readable)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.may || !a.expects(t.id) { // somebody else has just been told that it may not
		return r.may
	}
	_, err := c.read(ctx, t)
	if r.may = err == nil; !r.may {
		a.look(t.id)
	}
	return r.may
}

// tryNew is the dry run of an object that is likely not there, without a look at it. It returns neither an answer nor
// an error if the object must be looked at first.
func (c *Client) tryNew(ctx context.Context, object *unstructured.Unstructured, defined definitions,
	o Options) (t target, answer *unstructured.Unstructured, err error) {
	id := IDOf(object)
	if !o.Absences.expects(id) || mayWrite(id, nil, o.Owner) != nil ||
		defined.mapping(object.GroupVersionKind()) != nil {
		return t, nil, nil
	}
	if t, err = c.locate(ctx, object, defined); err != nil || !c.mayRead(ctx, t, o.Absences) {
		return t, nil, nil
	}
	answer, err = c.send(ctx, t, over(nil, object), trying(false))
	switch {
	case err == nil && answer.GetResourceVersion() == absent:
		answer.SetResourceVersion("")
		return t, answer, nil
	case lacksNamespace(t.id, err), err != nil && !overtaken(err) && transient(c.refusal(t.id, err)):
		return t, nil, err
	case err == nil:
		o.Absences.doubt(id)
	case overtaken(err), len(managersIn(err)) > 0:
		o.Absences.look(id)
	}
	return t, nil, nil
}

// lacksNamespace reports whether a write was refused because the object's namespace is not there: then neither is the
// object.
func lacksNamespace(id ID, err error) bool {
	var status apierrors.APIStatus
	if id.Namespace == "" || !apierrors.IsNotFound(err) || !errors.As(err, &status) {
		return false
	}
	missing := status.Status().Details
	return missing != nil && missing.Group == "" && missing.Kind == "namespaces" && missing.Name == id.Namespace
}

// applyNew applies an object that the dry run found not to be there, without another look at it. It returns neither an
// answer nor an error if the object must be looked at first.
func (c *Client) applyNew(ctx context.Context, object *unstructured.Unstructured, defined definitions,
	o Options) (t target, answer *unstructured.Unstructured, err error) {
	id := IDOf(object)
	if !o.Absences.has(id) || !inEtcd(id.Group) || defined.mapping(object.GroupVersionKind()) != nil {
		return t, nil, nil
	}
	if t, err = c.locate(ctx, object, defined); err != nil {
		return t, nil, nil
	}
	_, answer, err = c.applyOver(ctx, &t, defined, o)
	if err == nil || transient(err) && !overtaken(err) {
		return t, answer, err
	}
	now, lookErr := c.find(ctx, object, defined, o.Owner)
	switch {
	case lookErr != nil:
		return now, nil, lookErr
	case now.live == nil && !overtaken(err):
		return now, nil, err
	case fields.Reapplied(nil, now.live):
		return now, nil, &unready{id, reapplied}
	}
	return now, nil, nil
}

// inEtcd reports whether the objects of a group are kept by Kubernetes' own API server, which looks at what an apply
// is decided on. An aggregated one may not.
func inEtcd(group string) bool {
	return !strings.Contains(group, ".") || strings.HasSuffix(group, ".k8s.io")
}
