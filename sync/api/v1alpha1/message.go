package v1alpha1

import "github.com/daemongate/daemongate/sync/english"

// Public is a text that everybody may read, such as the users of a Git host (docs/design.md, law 11): it says nothing
// that the cluster, a container or a server said. A string becomes one only by a conversion, at the place that knows
// what the string is made of.
type Public string

// Message is what is said of a commit, and what of that everybody may be told.
type Message struct {
	// Private is the whole message, for those who may read the Sync.
	// +optional
	Private string `json:"message,omitempty"`
	// Public is what everybody may be told of it; nothing if it is empty.
	// +optional
	Public Public `json:"told,omitempty"`
}

// MaxText bounds, in bytes, an error of somebody else's that gets into a status: a kustomization, a webhook or a Git
// server may say as much as it likes, and the API server takes a status of a megabyte and a half.
const MaxText = 4 << 10

// TextOf is what an error says, cut at MaxText.
func TextOf(err error) string { return english.Clip(err.Error(), MaxText) }

// ForAll is a message that everybody may be told whole.
func ForAll(text Public) Message { return Message{Private: string(text), Public: text} }

// And is a message, which may be empty, with more to say.
func (m Message) And(more Message) Message {
	return Message{
		Private: english.Join(m.Private, "; ", more.Private),
		Public:  Public(english.Join(string(m.Public), "; ", string(more.Public))),
	}
}
