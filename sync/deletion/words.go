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
