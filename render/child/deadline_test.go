package child

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A render's limit is of its own processor time. A machine that others keep busy fails no commit, what hangs is given
// up by the clock, and where the processor time is not known the clock's counts.
func TestALimitCountsTheRendersOwnTime(t *testing.T) {
	const limit = time.Minute
	for name, c := range map[string]struct {
		share   float64       // of the processor
		unknown bool          // the processor time is
		takes   time.Duration // by the clock; never, if 0
		after   time.Duration // nobody waits any longer
		says    string
	}{
		"quick":              {share: 1, takes: time.Second},
		"slow among others":  {share: 0.25, takes: 3*limit + 59*time.Second},
		"slow alone":         {share: 1, after: limit, says: "within 1m0s of processor time: split it up"},
		"too slow among two": {share: 0.5, after: 2 * limit, says: "within 1m0s of processor time: split it up"},
		"hangs":              {share: 0, after: 5 * limit, says: "within 5m0s, and spent most of it waiting"},
		"no such clock":      {unknown: true, after: limit, says: "within 1m0s of processor time"},
	} {
		synctest.Test(t, func(t *testing.T) {
			began, done := time.Now(), make(chan outcome, 1)
			spent := func() (time.Duration, bool) {
				return time.Duration(c.share * float64(time.Since(began))), !c.unknown
			}
			if c.takes > 0 {
				time.AfterFunc(c.takes, func() { done <- outcome{} })
			}
			err := await(t.Context(), "prod", limit, done, spent).err
			var slow *SlowError
			took := time.Since(began)
			switch {
			case c.takes > 0 && (err != nil || took != c.takes):
				t.Errorf("%s: after %s: %v", name, took, err)
			case c.takes == 0 && (!errors.As(err, &slow) || !errors.Is(err, context.DeadlineExceeded) ||
				!strings.Contains(err.Error(), c.says)):
				t.Errorf("%s: %v", name, err)
			case c.takes == 0 && (took < c.after || took > c.after+limit/50):
				t.Errorf("%s: after %s", name, took)
			}
		})
	}
}

// A process's clock counts what the process does, and not what others do meanwhile.
func TestAProcessClockIsItsOwn(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no such clock here")
	}
	idle := exec.Command("cat")
	in, err := idle.StdinPipe()
	if err == nil {
		err = idle.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	others, mine := processClock(idle.Process.Pid), processClock(os.Getpid())
	for { // 200 ms of this process's
		if used, known := mine(); !known || used > 200*time.Millisecond {
			break
		}
	}
	if used, known := others(); !known || used > 100*time.Millisecond {
		t.Errorf("a process that waits has used %s (known: %v)", used, known)
	}
	_ = in.Close()
	_ = idle.Wait()
	if used, known := others(); known {
		t.Errorf("a process that has ended has used %s", used)
	}
}
