package deletion

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
)

// mostNamed is how many objects one sentence names.
const mostNamed = 10

// orphanedText says what stays when its Sync is deleted, why, and whose it is then.
func orphanedText(stays manifests.Inventory, why string) string {
	var names []string
	for _, e := range stays[:min(len(stays), mostNamed)] {
		names = append(names, e.String())
	}
	text := strings.Join(names, ", ")
	if more := len(stays) - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("left %s as written, because %s: no Sync owns what stays any more, and the next one that asks "+
		"for it takes it over; delete by hand what nobody needs: %s", english.Count(len(stays), "object"), why, text)
}

const rollsAgain = `{"spec":{"updateStrategy":{"type":"RollingUpdate"}}}`

// lentTexts say which DaemonSets stay with an update strategy that is not Git's own: the commit in flight was paced.
// None is given back, since the commit would go to all nodes by it.
func lentTexts(stays manifests.Inventory, f *api.Flight) (texts []string) {
	if f == nil || f.Stage == nil || f.State == api.Complete {
		return nil
	}
	for _, w := range f.Workloads {
		id := manifests.ID{Group: w.Group, Kind: w.Kind, Namespace: w.Namespace, Name: w.Name}
		if _, stay := stays.Find(id); !stay || w.OnDelete || w.Paced == nil {
			continue
		}
		texts = append(texts, fmt.Sprintf("%s may still have the update strategy OnDelete (annotation %s), because "+
			"commit %s was on its way through its stages: the next Sync that asks for it gives back what Git says; "+
			"until then `kubectl -n %s patch ds %s -p '%s'` does, and has the commit go to all nodes", id,
			manifests.PacedAnnotation, api.Short(f.Commit), w.Namespace, w.Name, rollsAgain))
	}
	return texts
}

func waiting(o manifests.Waiting) api.DeletedObject {
	return api.DeletedObject{Object: o.String(), Finalizers: o.Finalizers, Since: metav1.NewTime(o.Since)}
}

// keep is the part of a status's inventory that is still to be looked after.
func keep(inventory []api.InventoryEntry, left manifests.Inventory) []api.InventoryEntry {
	var kept []api.InventoryEntry
	for _, e := range inventory {
		if _, is := left.Find(manifests.ID{Group: e.Group, Kind: e.Kind, Namespace: e.Namespace, Name: e.Name}); is {
			kept = append(kept, e)
		}
	}
	return kept
}
