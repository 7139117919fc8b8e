package gitsource

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// touchEvery is how often the folder of a mirror that is in use is marked so.
const touchEvery = time.Hour

var mirrorName = regexp.MustCompile(`^[0-9a-f]{32}$`)

// touch notes that the mirror is in use: the time of its folder says so to all processes. Now and then the store's
// other mirrors are looked over.
func (r *Repository) touch() {
	now := time.Now()
	last := r.touched.Load()
	if now.Unix()-last < int64(touchEvery/time.Second) || !r.touched.CompareAndSwap(last, now.Unix()) {
		return
	}
	_ = os.Chtimes(r.mirror.home, now, now) // it may not be there yet
	go r.sweep()
}

// sweep removes the mirrors that nobody has used for long. Who comes back to one mirrors again.
func (s *Store) sweep() {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if s.ctx.Err() != nil {
			return
		}
		if home := filepath.Join(s.dir, e.Name()); mirrorName.MatchString(e.Name()) && s.unused(home) {
			s.drop(e.Name(), home)
		}
	}
}

func (s *Store) unused(home string) bool {
	info, err := os.Stat(home)
	return err == nil && time.Since(info.ModTime()) > s.options.KeepUnused
}

// drop removes a mirror, unless somebody is writing to it or has come to use it.
func (s *Store) drop(id, home string) {
	ctx, cancel := context.WithTimeout(s.ctx, time.Second)
	defer cancel()
	unlock, err := lock(ctx, home, "fetch")
	if err != nil {
		return
	}
	defer unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.unused(home) { // somebody has come to use it meanwhile
		return
	}
	if r := s.repositories[id].Value(); r != nil {
		r.close()
	}
	delete(s.repositories, id)
	_ = os.RemoveAll(home) // what cannot be removed is tried again
	s.options.disk.settle(home, 0)
}
