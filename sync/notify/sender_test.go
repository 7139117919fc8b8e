package notify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	gosync "sync"
	"testing"
	"testing/synctest"
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// memory keeps what waits, and outlives who delivers, as the cluster does.
type memory struct {
	mu     gosync.Mutex
	is     *content
	fails  error
	writes int
}

func (m *memory) read(context.Context) (*content, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.is, nil
}

func (m *memory) write(_ context.Context, is content) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fails == nil {
		m.is = &is
	}
	m.writes++
	return m.fails
}

func (m *memory) fail(with error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fails = with
}

// played is a receiver that answers as it is told to.
type played struct {
	mu     gosync.Mutex
	answer func(Event) Answer
	tries  int
	took   []Event
	at     []time.Time
}

func (p *played) Take(ctx context.Context, e Event) Answer {
	p.mu.Lock()
	p.tries++
	a := p.answer(e)
	p.mu.Unlock()
	if a == hangs {
		<-ctx.Done()
		return Answer{Trouble: ctx.Err()}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if a.Trouble == nil && a.Refused == nil {
		p.took, p.at = append(p.took, e), append(p.at, time.Now())
	}
	return a
}

var (
	hangs = Answer{Refused: errors.New("hangs")}
	away  = Answer{Trouble: errors.New("the receiver: connection refused")}
)

func takes(Event) Answer { return Answer{} }

func (p *played) answers(how func(Event) Answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = how
}

func (p *played) told() (all []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.took {
		all = append(all, fmt.Sprint(strings.TrimPrefix(e.Type, typePrefix), " ", strings.TrimLeft(e.Subject, "0")))
	}
	return all
}

// post is a Sync whose notifications go to a played receiver, by a played clock.
type post struct {
	sync    *api.Sync
	notices *Notices
	to      *played
	store   *memory
	said    []string
	stop    func()
}

// start begins, or goes on after a restart.
func (p *post) start(t *testing.T) {
	t.Helper()
	is, err := p.store.read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.notices = resumed(p.sync, is)
	to := newSender(p.notices, p.store.write, func(err error) { p.said = append(p.said, err.Error()) })
	to.open = func(context.Context) (Receiver, error) { return p.to, nil }
	to.event = func(m Message) Event { return EventOf(p.sync, "prod", m) }
	p.notices.sender = to
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { p.notices.Run(ctx); close(ended) }()
	p.stop = func() { cancel(); <-ended }
	synctest.Wait()
}

func newPost(t *testing.T) *post {
	t.Helper()
	p := &post{sync: syncOf(), to: &played{answer: takes}, store: &memory{}}
	p.start(t)
	return p
}

// moves has a commit come to a state.
func (p *post) moves(commit int, state api.CommitState) {
	p.notices.Add(p.sync, []gate.Move{move(p.sync, gate.Move{Commit: hashOf(commit), State: state, At: time.Now()})})
	synctest.Wait()
	pass(time.Millisecond)
}

// pass lets time pass, until nobody does anything any more: what others wrote may be read then.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// The receiver is away for 60 seconds, in which three states pass and the process is restarted. When it is back it is
// told of all, once each and in order, within as long again; what it hears of later it hears at once.
func TestAnOutageAndARestartLoseNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPost(t)
		p.moves(1, api.Held)
		expect(t, "before", p.to.told(), "held 1")
		p.to.answers(func(Event) Answer { return away })
		gone := time.Now()
		p.moves(1, api.RollingOut)
		pass(20 * time.Second)
		p.moves(1, api.Stuck)
		p.stop()
		p.start(t)
		pass(20 * time.Second)
		p.moves(1, api.Complete)
		pass(time.Until(gone.Add(time.Minute)))
		if p.to.tries > 16 {
			t.Errorf("%d tries in a minute", p.to.tries)
		}
		p.to.answers(takes)
		pass(time.Minute)
		expect(t, "after the outage", p.to.told(), "held 1", "rollingout 1", "stuck 1", "complete 1")
		p.moves(2, api.Failed)
		expect(t, "and then", p.to.told()[4:], "failed 2")
		p.stop()
		if len(p.said) != 2 || !strings.Contains(p.said[0], "connection refused") { // once by each process
			t.Errorf("said %q", p.said)
		}
	})
}

// The process is killed after a message was sent and before that was recorded: it is sent again with the same id, and no
// other message is.
func TestWhatIsSentAgainAfterAKillHasTheSameID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPost(t)
		p.moves(1, api.RollingOut)
		p.to.answers(func(Event) Answer { p.store.fail(errors.New("killed")); return Answer{} })
		p.moves(1, api.Complete)
		p.stop()
		p.store.fail(nil)
		p.to.answers(takes)
		p.start(t)
		defer func() { p.stop() }()
		expect(t, "told", p.to.told(), "rollingout 1", "complete 1", "complete 1")
		if first, again := p.to.took[1], p.to.took[2]; first.ID != again.ID {
			t.Errorf("%v, and again %v", first, again)
		}
		if p.to.took[0].ID == p.to.took[1].ID {
			t.Error("two messages have one id")
		}
	})
}

// A message that the receiver will never take is given up with a word, and the next ones are sent; that the next is
// refused for the same reason is not said again.
func TestARefusedMessageKeepsNoneBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPost(t)
		defer func() { p.stop() }()
		p.to.answers(func(e Event) Answer {
			if e.Subject == hashOf(3) {
				return Answer{}
			}
			return Answer{Refused: errors.New("the receiver answers 400")}
		})
		for i := 1; i <= 3; i++ {
			p.moves(i, api.Failed)
		}
		expect(t, "told", p.to.told(), "failed 3")
		if len(p.said) != 1 || !strings.Contains(p.said[0], hashOf(1)+" is Failed was not taken") {
			t.Errorf("said %q", p.said)
		}
		p.moves(4, api.Failed)
		if len(p.said) != 2 || p.to.tries != 4 {
			t.Errorf("then said %q, %d tries", p.said, p.to.tries)
		}
	})
}

// Nobody waits for a receiver that hangs, or that asks to be left alone, and the pause that it asks for is kept.
func TestAReceiverIsWaitedForByNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPost(t)
		p.to.answers(func(Event) Answer { return hangs })
		p.moves(1, api.RollingOut)
		pass(time.Hour)
		p.moves(1, api.Complete)
		p.stop()
		if p.store.is == nil || len(p.store.is.Waiting) != 1 {
			t.Fatalf("kept %v", p.store.is)
		}
		p.to.answers(func(Event) Answer { return Answer{Trouble: errors.New("429"), Pause: 10 * time.Minute} })
		p.start(t)
		defer func() { p.stop() }()
		asked := time.Now()
		p.to.answers(takes)
		pass(9 * time.Minute)
		p.moves(2, api.Failed)
		expect(t, "in the pause", p.to.told())
		pass(2 * time.Minute)
		expect(t, "after it", p.to.told(), "rollingout 1", "complete 1", "failed 2")
		if first := p.to.at[0].Sub(asked); first < 10*time.Minute {
			t.Errorf("told after %v", first)
		}
	})
}

// What could not be saved is not sent: a restart would not know of it.
func TestNothingIsSentThatIsNotSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPost(t)
		defer func() { p.stop() }()
		p.store.fail(errors.New("the API server is away"))
		p.moves(1, api.Failed)
		pass(time.Minute)
		if p.to.tries != 0 || len(p.said) != 1 {
			t.Errorf("%d tries, said %q", p.to.tries, p.said)
		}
		p.store.fail(nil)
		pass(5 * time.Minute)
		expect(t, "told", p.to.told(), "failed 1")
	})
}

// A burst is sent in order, and does not write all that waits once for each message.
func TestABurstIsRecordedNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPost(t)
		defer func() { p.stop() }()
		p.to.answers(func(Event) Answer { return away })
		for i := range 400 {
			p.moves(i, api.Failed)
		}
		p.store.mu.Lock()
		p.store.writes = 0
		p.store.mu.Unlock()
		p.to.answers(takes)
		pass(10 * time.Minute)
		for i, e := range p.to.took {
			if e.Subject != hashOf(i) {
				t.Fatalf("message %d is of %s", i, e.Subject)
			}
		}
		if len(p.to.took) != 400 || p.store.writes > 60 {
			t.Errorf("%d told, %d writes", len(p.to.took), p.store.writes)
		}
	})
}
