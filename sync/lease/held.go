package lease

import (
	"fmt"
	"time"
)

// lose ends this process' time as the holder.
func (k *lock) lose(reason error) { k.end(fmt.Errorf("lost the Lease %s: %w", k.Describe(), reason)) }

func (k *lock) end(why error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ended == nil {
		k.ended = why
		close(k.over)
	}
}

func (k *lock) why() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ended
}

// has reports whether this process has been the holder.
func (k *lock) has() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return !k.confirmed.IsZero()
}

// lastTrouble is what kept this process from renewing, for the end of a sentence.
func (k *lock) lastTrouble() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.trouble == nil {
		return ""
	}
	return ": " + k.trouble.Error()
}

// holds returns why this process may not write, if so: it is no holder, or was not confirmed as one for too long.
func (k *lock) holds(now time.Time, atMost time.Duration) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch age := elapsed(k.confirmed, now); {
	case k.ended != nil:
		return k.ended
	case k.confirmed.IsZero() && k.told != "":
		return fmt.Errorf("%s", k.told)
	case k.confirmed.IsZero():
		return fmt.Errorf("the Lease %s is not held yet", k.Describe())
	case age >= atMost:
		return fmt.Errorf("the Lease %s was not renewed for %s", k.Describe(), age.Round(time.Second))
	}
	return nil
}

// waits returns why this process does not wait for the Lease, or could not take it, if so.
func (k *lock) waits(now time.Time, atMost time.Duration) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.ended != nil:
		return k.ended
	case !k.confirmed.IsZero():
		return fmt.Errorf("the Lease %s is held by this process", k.Describe())
	case k.looked.IsZero():
		return fmt.Errorf("the Lease %s has not been read yet", k.Describe())
	case elapsed(k.looked, now) >= atMost:
		return fmt.Errorf("the Lease %s could not be read for %s", k.Describe(),
			elapsed(k.looked, now).Round(time.Second))
	}
	return nil
}

// elapsed is how much time has passed by the clock that counted more of it: the monotonic one stands still while the
// machine sleeps, and the wall clock can be set back.
func elapsed(since, now time.Time) time.Duration {
	return max(now.Sub(since), now.Round(0).Sub(since.Round(0)))
}

// say tells something once.
func (k *lock) say(text string) {
	k.mu.Lock()
	known := k.told == text
	k.told = text
	k.mu.Unlock()
	if !known {
		k.tell(text)
	}
}
