package rollout

import "time"

// Memory is what must not be forgotten from one look to the next, also over a restart: it is kept as JSON, a few KB at
// most. It belongs to one Target; the zero value is a new rollout's. It is only ever made by Judge.
type Memory struct {
	// Hash of the template that the rest is about.
	Hash string `json:"hash,omitempty"`
	// Observed is when that template was first seen to be observed by the controller.
	Observed time.Time `json:"observed,omitzero"`
	// Mark is the largest number of settled nodes so far, and Rose when it last rose.
	Mark int       `json:"mark,omitempty"`
	Rose time.Time `json:"rose,omitzero"`
}
