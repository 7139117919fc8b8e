package child

import "github.com/daemongate/daemongate/render/grouped"

// parentsMemory is what the parent remembers of renders before: a child ends with its job.
type parentsMemory struct{ *worker }

// Recall asks the parent.
func (r parentsMemory) Recall(digests []string) map[string][]grouped.Kept {
	r.asking.Lock()
	defer r.asking.Unlock()
	if len(digests) == 0 || r.out.Encode(message{Recall: digests}) != nil {
		return nil
	}
	return (<-r.replies).Known
}

// Keep tells the parent. One that does not hear of it has ended, and so will the child.
func (r parentsMemory) Keep(digest string, objects []grouped.Kept) {
	r.asking.Lock()
	defer r.asking.Unlock()
	_ = r.out.Encode(message{Keep: &kept{digest, objects}})
}
