package page_test

import (
	"bytes"
	"flag"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/daemongate/daemongate/cmd/daemongate/page/browsertest"
	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// pictures is a folder into which the pictures of the story are written, as the docs show them: make screenshots.
var pictures = flag.String("pictures", "", "folder to write the pictures of the story to")

// largest is how many bytes a picture of the docs may have.
const largest = 150_000

// A commit crashes on the first nodes that it reaches, and is stuck; its fix is let through and rolls out; then all is
// complete. So it looks in the docs, in the light and in the dark.
func TestTheStoryInPictures(t *testing.T) {
	t.Parallel()
	f, s := newFleet(120), newSync("node-agents")
	f.are(rollout.IsSettled, 0, 3).are(rollout.IsUpdated, 3, 5).are(rollout.IsFailing, 7, 9)
	s = inState(s, api.Stuck, "CrashLoop on node-[0008-0009]: "+crash)
	w := newWorld(t, fleets{"node-agents": f}, s)
	tab := w.tab(t, browsertest.Look{Width: 1280, Height: 900})
	w.open(t, tab, "/syncs/logging/node-agents")
	is(tab, api.Stuck)
	tab.UntilText(crash)
	are(tab, "3s 2u 113o 2f")
	take(t, tab, "stuck")

	f.are(rollout.IsOld, 0, 120)
	s = fixOf(s)
	w.api.put(s)
	is(tab, api.RollingOut)
	tab.UntilText("Name the parser by its new name")
	for _, settled := range []int{11, 29, 44, 70} {
		f.are(rollout.IsSettled, 0, settled).are(rollout.IsUpdated, settled, settled+6)
		tab.Until("the nodes to settle", fmt.Sprintf(`document.querySelectorAll("#grid i.s").length === %d`, settled))
	}
	take(t, tab, "fix")

	f.are(rollout.IsSettled, 0, 120)
	are(tab, "120s")
	s = inState(s.DeepCopy(), api.Complete, "120 of 120 nodes settled")
	done := ago(0)
	s.Status.InFlight.Completed, s.Status.History[0].Since = &done, done
	w.api.put(s)
	is(tab, api.Complete)
	tab.UntilText("120 of 120 nodes settled")
	take(t, tab, "complete")
}

// fixOf is the Sync after the fix has been let through.
func fixOf(s *api.Sync) *api.Sync {
	s = s.DeepCopy()
	stuck := s.Status.History[0]
	s.Status.Head = hash("c")
	s.Status.InFlight = &api.Flight{Commit: hash("c"), Before: hash("a"), Since: ago(40 * time.Second),
		Workloads: s.Status.InFlight.Workloads}
	s.Status.History = append([]api.Record{{Commit: hash("c"), Subject: "Name the parser by its new name",
		First: ago(45 * time.Second), Since: ago(40 * time.Second)}, stuck}, s.Status.History[1:]...)
	return inState(s, api.RollingOut, "")
}

// take takes a picture in the light and one in the dark, and writes them if that is asked for.
func take(t *testing.T, tab *browsertest.Tab, name string) {
	t.Helper()
	for scheme, dark := range map[string]bool{"light": false, "dark": true} {
		tab.Change(browsertest.Look{Width: 1280, Height: 900, Dark: dark})
		shot := tab.Screenshot()
		if *pictures == "" {
			continue
		}
		picture, err := png.Decode(bytes.NewReader(shot))
		if err != nil {
			t.Fatal(err)
		}
		var small bytes.Buffer
		if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, picture); err != nil {
			t.Fatal(err)
		}
		if small.Len() > largest {
			t.Errorf("%s in the %s has %d bytes: more than %d are too many for the docs", name, scheme, small.Len(), largest)
		}
		file := filepath.Join(*pictures, "page-"+name+"-"+scheme+".png")
		if err := os.WriteFile(file, small.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
