package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/kept"
)

// Receiver takes messages. It may take its time, but ends with the context.
type Receiver interface {
	Take(ctx context.Context, e Event) Answer
}

// Answer says what became of a message; its zero value, that the receiver has it.
type Answer struct {
	// Refused says that it will never be taken as it is.
	Refused error
	// Trouble is what keeps the receiver from taking any; it is to be sent again.
	Trouble error
	// Pause is how long the receiver asks to be left alone; zero if it does not say.
	Pause time.Duration
}

// Options say whose messages they are and who takes them.
type Options struct {
	Sync    *api.Sync
	Cluster string // as receivers are told of it
	// ConfigMaps hold what waits.
	ConfigMaps typedv1.ConfigMapsGetter
	// Receiver opens what takes the messages.
	Receiver func(ctx context.Context, s *api.Sync) (Receiver, error)
	// Trouble is told what a person should know: each trouble once while it lasts.
	Trouble func(error)
}

// Open reads what waits for a Sync's receiver, and adds what its status remembers: a crash between the status and the
// ConfigMap loses no commit's newest state. A receiver is told from when it was named on. A Sync that notifies nobody
// has no Notices: then they are nil, whose methods do nothing.
func Open(ctx context.Context, o Options) (*Notices, error) {
	if o.Sync.Spec.Report.Notify == nil {
		return nil, nil
	}
	s := o.Sync.DeepCopy()
	store := &configMapStore{kept.Store{Maps: o.ConfigMaps, Sync: s, Suffix: "-notifications", What: "notifications",
		Place:   fmt.Sprintf("%q", []string{s.Spec.Source.URL}),
		Instead: "the receiver is told of what comes from now on"}}
	is, err := store.read(ctx)
	if altered := (*kept.AlteredError)(nil); errors.As(err, &altered) {
		o.Trouble(err) // and is done without
	} else if err != nil {
		return nil, err
	}
	n := resumed(s, is)
	n.sender = newSender(n, store.write, o.Trouble)
	n.sender.open = func(ctx context.Context) (Receiver, error) { return o.Receiver(ctx, s) }
	n.sender.event = func(m Message) Event { return EventOf(s, o.Cluster, m) }
	// What is told begins here, whatever comes before the first message.
	if err := n.sender.Save(ctx); err != nil {
		o.Trouble(err) // and is tried again
	}
	return n, nil
}

// resumed are the notices of a Sync that go on from what was kept; nil if there is nothing.
func resumed(s *api.Sync, was *content) *Notices {
	f := filterOf(s)
	if was == nil {
		n := newNotices(content{}, f)
		n.begin(s)
		return n
	}
	sameStates := was.States == f.String()
	n := newNotices(*was, f)
	if sameStates {
		n.recall(s)
	} else {
		n.begin(s)
	}
	return n
}

// Run delivers until ctx ends.
func (n *Notices) Run(ctx context.Context) {
	if n != nil {
		n.sender.Run(ctx)
	}
}

// configMapStore keeps what waits in a ConfigMap beside the Sync.
type configMapStore struct{ kept.Store }

func (m *configMapStore) read(ctx context.Context) (*content, error) {
	is := &content{}
	if ok, err := m.Read(ctx, is); !ok {
		return nil, err
	}
	return is, nil
}

func (m *configMapStore) write(ctx context.Context, is content) error { return m.Write(ctx, is) }
