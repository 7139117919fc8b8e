package manifests

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/manifests/fields"
)

const vault = `{apiVersion: v1, kind: Secret, metadata: {name: vault, annotations: {note: N-%[1]s}}, stringData: {same: S-1, differs: D-%[1]s}}`

// What an apply would make of each object is told before it is written: what is new, what changes, and whom it would
// have to overrule. Nothing is written, and a Secret's values are in none of it, only which of them differ.
func TestMergeTellsWhatAnApplyWouldDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(w.set(agent + "\n---\n" + fmt.Sprintf(vault, "old")))
	w.by("helm", w.id("ConfigMap", "agent"), `{"data":{"level":"warn"}}`)
	before := w.live(w.id("DaemonSet", "agent")).GetGeneration()
	next := w.set(strings.ReplaceAll(agent, "agent:1", "agent:2") + "\n---\n" + fmt.Sprintf(vault, "new") +
		"\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: fresh}, data: {a: b}}")
	merged, err := w.client.Merge(w.ctx, next, w.opts)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[ID]Merged{}
	for _, m := range merged {
		byName[m.Object] = m
	}
	if m := byName[w.id("DaemonSet", "agent")]; m.Live == nil ||
		!strings.Contains(string(must(json.Marshal(m.Want.Object))), "agent:2") || m.Conflict != nil {
		t.Errorf("the changed one: %+v", m)
	}
	var conflict *Conflict
	if m := byName[w.id("ConfigMap", "agent")]; !errors.As(m.Conflict, &conflict) || conflict.Manager != "helm" {
		t.Errorf("the conflict: %v", m.Conflict)
	}
	if m := byName[w.id("ConfigMap", "fresh")]; m.Live != nil || m.Want == nil {
		t.Errorf("the new one: %+v", m)
	}
	s := byName[w.id("Secret", "vault")]
	text := string(must(json.Marshal([]any{s.Live.Object["data"], s.Want.Object["data"], s.Live.GetAnnotations(),
		s.Want.GetAnnotations()})))
	if want := `[{"differs":"*** (before)","same":"***"},{"differs":"*** (after)","same":"***"},` +
		`{"note":"*** (before)"},{"note":"*** (after)"}]`; text != want {
		t.Errorf("the Secret: %s", text)
	}
	if w.live(w.id("DaemonSet", "agent")).GetGeneration() != before || w.live(w.id("ConfigMap", "fresh")) != nil {
		t.Error("something was written")
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Compared for no Sync, an object stays that Sync's whose it is; and nothing can be written for none.
func TestMergeForNobodyLeavesTheOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(w.set(agent))
	w.opts.Owner = Owner{}
	s := w.set(agent)
	merged, err := w.client.Merge(w.ctx, s, w.opts)
	if err != nil || len(merged) != s.Len() {
		t.Fatal(merged, err)
	}
	for _, m := range merged {
		if m.Want.GetLabels()[OwnerLabel] == "" || len(fields.Differences(m.Live, m.Want)) > 0 {
			t.Errorf("%s: would be changed: %v", m.Object, m.Want.GetLabels())
		}
	}
	if _, err := w.client.Apply(w.ctx, s, w.opts); err == nil || !strings.Contains(err.Error(), "is of no Sync") {
		t.Errorf("written for nobody: %v", err)
	}
}

// What a prune would delete is told by the rules of the prune: what is not certainly ours would be kept.
func TestPrunableIsWhatPruneWouldDelete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inventory := Recorded(w.apply(w.set(agent + "\n---\n" + fmt.Sprintf(vault, "old"))))
	w.by("person", w.id("ServiceAccount", "agent"), `{"metadata":{"labels":{"daemongate.io/sync":null}}}`)
	goes, kept, err := w.client.Prunable(w.ctx, inventory, w.opts.Owner)
	if err != nil || len(goes) != 3 || len(kept) != 1 || kept[0].Kind != "ServiceAccount" {
		t.Errorf("%d go, kept %+v, %v", len(goes), kept, err)
	}
	for _, o := range goes {
		text := string(must(json.Marshal(o.Object["data"]))) + fmt.Sprint(o.GetAnnotations()["note"])
		if o.GetKind() == "Secret" && text != `{"differs":"***","same":"***"}***` {
			t.Errorf("a value of the Secret: %s", text)
		}
	}
	if w.live(w.id("DaemonSet", "agent")) == nil {
		t.Error("it was deleted")
	}
}
