package outbox

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/forge/forgetest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Whatever the host answers meanwhile, and however often the process is restarted, no older state of a commit follows a
// newer one there, and the newest is the last.
func TestNoOlderStateFollowsANewerOne(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			host, store := forgetest.New(forge.GitHub, "platform/fleet", "t0ken"), &memory{}
			host.Slow(time.Second)
			p := newPost(t, host, store)
			newest := map[int]report{}
			for step := range 300 {
				commit := random.IntN(5)
				host.Push(hashOf(commit))
				switch random.IntN(12) {
				case 0, 1, 2:
					host.Say(forgetest.Answer{Code: []int{404, 403, 429, 500, 502}[random.IntN(5)]})
				case 3:
					p.stop()
					p = newPost(t, host, store)
					p.box.recall(slices.Collect(maps.Values(newest))) // as from the status of the Sync
				case 4:
					time.Sleep(time.Duration(random.IntN(12_000)) * 10 * time.Millisecond)
				default:
					l := told(hashOf(commit), forge.Pending, api.Public(strconv.Itoa(step)))
					l.Time = time.Now()
					newest[commit] = l
					p.box.put([]report{l})
					time.Sleep(10 * time.Millisecond)
				}
			}
			time.Sleep(2 * time.Hour)
			p.stop()
			for commit, last := range newest {
				if said := ordered(host.Statuses(hashOf(commit), "daemongate/test"), last); said != "" {
					t.Errorf("seed %d, commit %d: %s", seed, commit, said)
				}
			}
		})
	}
}

// ordered is what is wrong with the order of states that are described by rising numbers; nothing if they end with the
// last. One may be there twice: who does not hear the answer tells it again.
func ordered(told []forgetest.Posted, last report) string {
	before := -1
	for _, one := range told {
		n, err := strconv.Atoi(one.Description)
		if err != nil || n < before {
			return fmt.Sprintf("%q after %d", one.Description, before)
		}
		before = n
	}
	if want := last.Description; strconv.Itoa(before) != string(want) {
		return fmt.Sprintf("the last is %d, want %s", before, want)
	}
	return ""
}
