package outbox

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/forge/forgetest"
)

// A token that may not write statuses, or not even see the repository, loses none of them however long that lasts: it
// is said once, what to check, and when the token may, every commit has its newest state.
func TestATokenThatMayNotLosesNoStatus(t *testing.T) {
	for _, may := range []forgetest.Access{forgetest.None, forgetest.Read} {
		synctest.Test(t, func(t *testing.T) {
			host, store := forgetest.New(forge.GitHub, "platform/fleet", "t0ken"), &memory{}
			host.Grant(may)
			p := newPost(t, host, store)
			defer func() { p.stop() }()
			for i := range 20 {
				host.Push(hashOf(i))
				p.box.put([]report{told(hashOf(i), forge.Pending, "Held")})
				time.Sleep(time.Minute)
			}
			p.box.put([]report{told(hashOf(3), forge.Success, "Complete")})
			time.Sleep(24 * time.Hour)
			synctest.Wait()
			if n := host.Requests(); n > 400 {
				t.Errorf("%d requests in a day", n)
			}
			if len(p.said) != 1 || !strings.Contains(p.said[0], "platform/fleet") ||
				!strings.Contains(p.said[0], "scopes") {
				t.Errorf("said %q", p.said)
			}
			p.stop()
			p = newPost(t, host, store)
			host.Grant(forgetest.Write)
			time.Sleep(6 * time.Minute)
			synctest.Wait()
			for i := range 20 {
				want := "pending"
				if i == 3 {
					want = "success"
				}
				if got := host.Statuses(hashOf(i), "daemongate/test"); len(got) != 1 || got[0].State != want {
					t.Errorf("commit %d: told %v, want %s", i, got, want)
				}
			}
		})
	}
}
