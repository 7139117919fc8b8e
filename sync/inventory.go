package sync

import (
	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// inventoryOf reads the inventory from a Sync's status.
func inventoryOf(s *api.Sync) manifests.Inventory {
	var inventory manifests.Inventory
	for _, e := range s.Status.Inventory {
		inventory = append(inventory, manifests.Entry{
			ID:      manifests.ID{Group: e.Group, Kind: e.Kind, Namespace: e.Namespace, Name: e.Name},
			Version: e.Version, UID: e.UID,
		})
	}
	return inventory
}

// entriesOf is an inventory as a Sync's status has it.
func entriesOf(inventory manifests.Inventory) []api.InventoryEntry {
	list := make([]api.InventoryEntry, 0, len(inventory))
	for _, e := range inventory {
		list = append(list, api.InventoryEntry{Group: e.Group, Version: e.Version, Kind: e.Kind, Namespace: e.Namespace, Name: e.Name,
			UID: e.UID})
	}
	return list
}
