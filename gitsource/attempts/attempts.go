// Package attempts remembers on disk what a process was at when it died. What strangers send is bounded where it is
// read; if some of it ends the process all the same, it shall not do so for ever.
package attempts

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	// Most is how many times a process may die at the same, before it is left alone for a while.
	Most = 3
	// Pause is how long it is left alone, from the last death on.
	Pause = time.Hour
)

// Deadly is the error of what the process has died at too often.
type Deadly struct {
	Deaths int
	Until  time.Time
}

func (e *Deadly) Error() string {
	return fmt.Sprintf("the process ended %d times while this was read, so it is left alone until %s: see whether the "+
		"repository, or the list of its refs, is very large, and whether the controller has enough memory", e.Deaths,
		e.Until.UTC().Format("15:04 MST"))
}

// Begin notes in a file that an attempt begins; end notes that the process survived it. One attempt at a time may use a
// file. The error is a *Deadly if earlier ones killed the process; any other says that nothing can be noted.
func Begin(file string, now time.Time) (end func(), err error) {
	deaths, last, err := read(file)
	if err != nil {
		return nil, err
	}
	if until := last.Add(Pause); deaths >= Most && now.Before(until) {
		return nil, &Deadly{deaths, until}
	}
	text := fmt.Sprintf("%d %d\n", deaths+1, now.Unix())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return func() { _ = os.Remove(file) }, nil // one more death is counted if it stays
}

// read returns how many attempts have not ended, and when the last of them began. A file that cannot be understood
// counts for none.
func read(file string) (deaths int, last time.Time, err error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, last, nil
	}
	if err != nil {
		return 0, last, err
	}
	count, at, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	deaths, err = strconv.Atoi(count)
	seconds, wrong := strconv.ParseInt(at, 10, 64)
	if err != nil || wrong != nil {
		return 0, last, nil //nolint:nilerr // it was cut off by a death, which is one too few
	}
	return deaths, time.Unix(seconds, 0), nil
}
