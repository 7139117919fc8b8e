package gate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// relookAfter is how long the workloads of a complete commit are looked at again at least, once somebody has touched
// them: the watches of what is looked at may come a little later than the one that noticed it.
const relookAfter = 2 * time.Second

// classSettled and classUpdated are the node classes of the judge that run the commit's pods.
const (
	classSettled = "Settled"
	classUpdated = "Updated"
)

// disturb notes that a complete commit's workloads are not as they completed. From then on they are looked at again,
// until they are. The commit's state stays Complete.
func (t *turn) disturb(f *api.Flight) {
	if f.State == api.Complete && f.Correcting == nil {
		f.Correcting = &api.Correcting{Since: metav1.NewMicroTime(t.o.Now)}
		t.disturbed = true
	}
}

// corrects takes in how the workloads of a complete commit are that are looked at again.
func (t *turn) corrects(f *api.Flight) {
	missing := t.missing(f)
	if len(missing) > 0 {
		t.disturb(f)
	}
	c := f.Correcting
	if c == nil {
		return
	}
	c.Kept = ""
	if d := t.s.Drift; len(missing) > 0 || d != nil && d.Count > 0 {
		c.Kept = t.mayNotCorrect()
	}
	c.Missing = missing[:min(len(missing), maxDrifted)]
	r := t.lookedAt(f)
	if len(missing) > 0 {
		c.Message = missing[0] + " does not exist" + others(len(missing))
		forgetNodes(f, missing)
		return
	}
	if r == nil || t.disturbed {
		c.Message = cmp.Or(c.Message, "what was changed is looked at again")
		return
	}
	causes, over := r.Causes, c.Since.Add(relookAfter)
	c.Message = r.Message.Private
	if t.wake(over); r.State == api.Complete && !t.o.Now.Before(over) {
		f.Correcting, causes = nil, nil
	}
	if f.Relapse == nil { // else they are why it relapsed
		f.Causes = causes
	}
}

// missing are the workloads of a flight that are seen not to exist; those that were, while nothing can be seen.
func (t *turn) missing(f *api.Flight) []string {
	if t.o.Health == nil {
		if f.Correcting == nil {
			return nil
		}
		return f.Correcting.Missing
	}
	return keep(t.o.Health.Missing, func(name string) bool { return isWorkload(f, name) })
}

// forgetNodes takes back what is said of the nodes of workloads that do not exist.
func forgetNodes(f *api.Flight, missing []string) {
	f.Nodes.Settled, f.Nodes.Updated = 0, 0
	for i := range f.Workloads {
		w := &f.Workloads[i]
		if name := WorkloadKey(*w).String(); slices.Contains(missing, name) {
			w.Headline, w.Nodes, w.Notes = name+" does not exist", nil, nil
		}
		for _, class := range w.Nodes {
			switch class.State {
			case classSettled:
				f.Nodes.Settled += class.Count
				f.Nodes.Updated += class.Count
			case classUpdated:
				f.Nodes.Updated += class.Count
			}
		}
	}
}

func isWorkload(f *api.Flight, name string) bool {
	return slices.ContainsFunc(f.Workloads, func(w api.Workload) bool { return WorkloadKey(w).String() == name })
}

// changesPods reports whether a workload of the flight is missing, or is asked for something else than by the commit.
func (t *turn) changesPods(f *api.Flight, o api.DriftedObject) bool {
	return isWorkload(f, o.Object) && slices.ContainsFunc(t.pausedFields(o), func(p PausedField) bool {
		return p.Field == "" || strings.HasPrefix(p.Field, "spec.")
	})
}

// CorrectingWords say how far the workloads of a complete commit are with becoming again what they were. The reason is
// that of the conditions.
func CorrectingWords(c *api.Correcting) (reason, message string) {
	if c.Kept != "" {
		return "Drifted", fmt.Sprintf("%s; not corrected: %s", c.Message, c.Kept)
	}
	return "Correcting", "being corrected: " + c.Message
}
