package laws

import "time"

// pod is what is known of one.
type pod struct {
	node   string
	ready  bool
	leaves bool
	spec   any
	labels any
}

// noFalseSuccess: a commit is Complete when a pod of the template that it asks for is Ready on every node.
func (c *checker) noFalseSuccess() {
	pods, was := map[string]pod{}, flight{}
	for i := range c.writes {
		w := &c.writes[i]
		if w.refusedWith != 0 {
			continue
		}
		switch {
		case w.resource == "pods" && w.namespace == c.Namespace:
			see(pods, w)
		case c.isStatus(w) && w.changed:
			now := flightOf(w)
			if now.state == "Complete" && (was.state != "Complete" || was.commit != now.commit) {
				c.succeeds(now.commit, w, pods)
			}
			was = now
		}
	}
}

func see(pods map[string]pod, w *write) {
	switch {
	case gone(w):
		delete(pods, w.name)
	case text(w.object, "kind") == "Pod":
		p := pod{node: text(w.object, "spec", "nodeName"), spec: at(w.object, "spec"),
			labels: at(w.object, "metadata", "labels"), leaves: at(w.object, "metadata", "deletionTimestamp") != nil}
		for _, condition := range list(w.object, "status", "conditions") {
			if text(condition, "type") == "Ready" {
				p.ready = text(condition, "status") == "True"
			}
		}
		pods[w.name] = p
	}
}

// succeeds looks at the nodes at the moment at which a commit is said to be Complete.
func (c *checker) succeeds(commit string, w *write, pods map[string]pod) {
	for _, o := range c.history.Sets[commit] {
		if text(o, "kind") != "DaemonSet" {
			continue
		}
		var without []string
		for _, node := range c.Nodes {
			if !runs(pods, node, o) {
				without = append(without, node)
			}
		}
		unknown := c.lostBetween(time.Time{}, w.received, func(w *write) bool { return w.resource == "pods" })
		if len(without) > unknown {
			c.breaks("no false success", w.received, "%s is Complete, and no pod of DaemonSet %s's template is Ready "+
				"on %v", short(commit), text(o, "metadata", "name"), without)
		}
	}
}

// runs reports whether a node has a Ready pod as a DaemonSet asks for it.
func runs(pods map[string]pod, node string, daemonSet map[string]any) bool {
	for _, p := range pods {
		if p.node == node && p.ready && !p.leaves && asks(at(daemonSet, "spec", "template", "spec"), p.spec) &&
			asks(at(daemonSet, "spec", "template", "metadata", "labels"), p.labels) {
			return true
		}
	}
	return false
}
