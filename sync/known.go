package sync

import api "github.com/daemongate/daemongate/sync/api/v1alpha1"

// Ready reports whether the Syncs have been read once.
func (c *Controller) Ready() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known != nil
}

// Find returns a Sync as it was last seen, without asking the API server; nil if there is none.
func (c *Controller) Find(key string) *api.Sync {
	c.mu.Lock()
	store := c.known
	c.mu.Unlock()
	if store == nil {
		return nil
	}
	s, err := seen(store, key)
	if err != nil {
		return nil
	}
	return s
}

// Known returns every Sync as it was last seen, without asking the API server.
func (c *Controller) Known() []*api.Sync {
	var all []*api.Sync
	for _, key := range c.keys() {
		if s := c.Find(key); s != nil {
			all = append(all, s)
		}
	}
	return all
}

func (c *Controller) keys() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		return nil
	}
	return c.known.ListKeys()
}

// Undelivered is how many commits have a state that was not told yet to each Sync's Git host, by the Sync's key; of
// those Syncs that report.
func (c *Controller) Undelivered() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := map[string]int{}
	for key, l := range c.loops {
		if l.outbox != nil {
			counts[key] = l.outbox.Waiting()
		}
	}
	return counts
}

func (c *Controller) loop(key string) *syncLoop {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.loops[key]
}
