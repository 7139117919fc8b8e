package controller

import (
	"container/list"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	gosync "sync"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
)

const (
	// maxBodies is how many bodies of webhooks are read at once. Anybody may send one that looks signed.
	maxBodies = 32
	// bodyPatience is how long a body is read before it may have to make room for another: an honest one takes less.
	bodyPatience = time.Second
	// hookFloor is the time between two polls that webhooks cause for one Sync: one that was recorded can be sent for
	// ever.
	hookFloor = 5 * time.Second
)

// bodies are those that are being read. When there are too many, the one that has taken longest makes room, so that who
// sends slowly keeps nobody else out.
type bodies struct {
	mu      gosync.Mutex
	reading list.List // of body, the oldest first
}

type body struct {
	since time.Time
	stop  func()
}

// enter counts a body that is about to be read, and reports whether it may be. A body that has to make room is stopped.
// Who has entered leaves when the body is read.
func (b *bodies) enter(stop func()) (leave func(), ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.reading.Len() >= maxBodies {
		oldest, _ := b.reading.Front().Value.(body)
		if time.Since(oldest.since) < bodyPatience {
			return nil, false
		}
		b.reading.Remove(b.reading.Front())
		oldest.stop()
	}
	e := b.reading.PushBack(body{time.Now(), stop})
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.reading.Remove(e) // nothing, if it had to make room
	}, true
}

// pacer lets the webhooks of one Sync cause a poll every few seconds at most. None is lost: one that comes too early
// polls when its time has come, together with all others that do.
type pacer struct {
	poll func(key string)

	mu   gosync.Mutex
	more map[string]bool // of what was polled just now, whether to poll once more
}

// Poll polls now, or as soon as may be.
func (p *pacer) Poll(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.more == nil {
		p.more = map[string]bool{}
	}
	if _, recent := p.more[key]; recent {
		p.more[key] = true
		return
	}
	p.begin(key)
}

func (p *pacer) begin(key string) {
	p.more[key] = false
	p.poll(key)
	time.AfterFunc(hookFloor, func() { p.pass(key) })
}

// pass says that the next poll may come.
func (p *pacer) pass(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.more[key] {
		p.begin(key)
		return
	}
	delete(p.more, key)
}

// strangers makes what is asked of the senders of webhooks to Syncs that there are not: a provider and a secret that
// nobody knows, always the same ones for one name. So they are treated as all others, and names cannot be found out.
type strangers struct{ key []byte }

func newStrangers() strangers {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // which does not fail
	return strangers{key}
}

func (s strangers) of(name string) (forge.Provider, []byte) {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(name))
	secret := mac.Sum(nil)
	all := forge.HookProviders()
	return all[int(secret[0])%len(all)], secret[1:]
}
