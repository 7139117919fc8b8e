package controller

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/sync"
)

// election is a Lease as a test wants it.
type election struct{ holds, waits error }

func (e election) Holds() error                   { return e.holds }
func (e election) Waits() error                   { return e.waits }
func (e election) Holder() (netip.AddrPort, bool) { return netip.AddrPort{}, false }

// Who waits for the Lease is ready while it could take it and keep what it needs, and says that it stands by. Who
// neither holds the Lease nor can take it is not, and neither is who holds it and has not read the Syncs.
func TestAStandbyIsReadyIfItCouldTakeOver(t *testing.T) {
	good, broken := t.TempDir(), filepath.Join(t.TempDir(), "file")
	check(t, os.WriteFile(broken, nil, 0o600))
	no := errors.New("no")
	for _, c := range []struct {
		what  string
		lease election
		data  string
		does  role
		why   string
	}{
		{"waits", election{no, nil}, good, standsBy, ""},
		{"waits, and cannot write", election{no, nil}, broken, "", "data folder"},
		{"cannot reach the API server", election{no, no}, good, "", "cannot take it"},
		{"has just taken it", election{nil, no}, good, "", "not been read yet"},
	} {
		does, err := active{&sync.Controller{}, c.lease, &folder{dir: c.data}}.Ready()
		if (err == nil) != (c.why == "") || err == nil && does != c.does || err != nil && !strings.Contains(err.Error(), c.why) {
			t.Errorf("who %s: %q, %v", c.what, does, err)
		}
	}
}
