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

// setInventory puts an inventory into a Sync's status.
func setInventory(s *api.Sync, inventory manifests.Inventory) { setInventoryOf(&s.Status, inventory) }

func setInventoryOf(s *api.SyncStatus, inventory manifests.Inventory) {
	s.Inventory = nil
	for _, e := range inventory {
		s.Inventory = append(s.Inventory, api.InventoryEntry{
			Group: e.Group, Version: e.Version, Kind: e.Kind, Namespace: e.Namespace, Name: e.Name, UID: e.UID,
		})
	}
}
