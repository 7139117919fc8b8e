package manifests

import (
	"encoding/json"
	"testing"

	"k8s.io/apimachinery/pkg/types"
)

func entry(name, uid string) Entry {
	return Entry{ID: ID{Kind: "ConfigMap", Namespace: "platform", Name: name}, Version: "v1", UID: types.UID(uid)}
}

// Before a write the inventory names old and new objects; the UID of what exists is not forgotten for the new commit's
// entry that has none yet, and a newer UID replaces an older one.
func TestUnionKeepsWhatIsKnown(t *testing.T) {
	old := Inventory{entry("b", "1"), entry("a", "2")}
	union := old.Union(Inventory{entry("c", ""), entry("b", ""), entry("a", "3")})
	want := Inventory{entry("a", "3"), entry("b", "1"), entry("c", "")}
	if len(union) != len(want) {
		t.Fatalf("got %v", union)
	}
	for i := range want {
		if union[i] != want[i] {
			t.Errorf("entry %d: got %v want %v", i, union[i], want[i])
		}
	}
}

// What is to be pruned is what the inventory names and the set no longer asks for.
func TestWithoutIsWhatTheSetNoLongerAsksFor(t *testing.T) {
	inv := Inventory{entry("agent", "1"), entry("old", "2")}
	rest := inv.Without(set(t, fleet))
	if len(rest) != 1 || rest[0].Name != "old" {
		t.Errorf("got %v", rest)
	}
	if left := inv.Minus(rest); len(left) != 1 || left[0].Name != "agent" {
		t.Errorf("after pruning: %v", left)
	}
	if _, found := inv.Find(rest[0].ID); !found {
		t.Error("an entry was not found")
	}
	if _, found := inv.Find(ID{Kind: "ConfigMap", Name: "none"}); found {
		t.Error("found what is not there")
	}
}

// The inventory lives in a status: its JSON is flat, small and read back as it was.
func TestInventoryJSON(t *testing.T) {
	inv := set(t, fleet).Inventory().Union(Inventory{entry("agent", "7c6f")})
	data, err := json.Marshal(inv)
	if err != nil {
		t.Fatal(err)
	}
	var back Inventory
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	for i := range inv {
		if back[i] != inv[i] {
			t.Errorf("entry %d: %v became %v", i, inv[i], back[i])
		}
	}
	one, _ := json.Marshal(entry("agent", "7c6f"))
	if got, want := string(one), `{"kind":"ConfigMap","namespace":"platform","name":"agent","version":"v1","uid":"7c6f"}`; got != want {
		t.Errorf("got %s want %s", got, want)
	}
}
