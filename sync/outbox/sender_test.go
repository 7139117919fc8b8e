package outbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	gosync "sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/forge/forgetest"
)

// reportStore keeps reports.
type reportStore interface {
	read(ctx context.Context) ([]report, error)
	write(ctx context.Context, reports []report) error
}

// memory keeps reports, and outlives who delivers, as the cluster does.
type memory struct {
	mu      gosync.Mutex
	reports []report
	fails   error
}

func (m *memory) read(context.Context) ([]report, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.reports), nil
}

func (m *memory) write(_ context.Context, reports []report) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fails == nil {
		m.reports = slices.Clone(reports)
	}
	return m.fails
}

// post is a delivery to a played host, with a clock of its own.
type post struct {
	*sender
	host  *forgetest.Host
	store *memory
	said  []string
	stop  func()
}

func newPost(t *testing.T, host *forgetest.Host, store *memory) *post {
	t.Helper()
	p := newPostWith(t, host, store)
	p.store = store
	return p
}

func newPostWith(t *testing.T, host *forgetest.Host, store reportStore) *post {
	t.Helper()
	p := &post{host: host}
	reports, err := store.read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.sender = newSender(newOutbox(reports), store.write, func(err error) { p.said = append(p.said, err.Error()) })
	p.open = func(context.Context) (Reporter, error) {
		place, err := forge.Locate(forge.GitHub, "https://git.test/platform/fleet.git", "", "")
		if err != nil {
			return nil, err
		}
		token := func(context.Context) (forge.Token, error) { return forge.Token{Secret: "t0ken"}, nil }
		return forge.NewHost(place, token, forge.Options{Client: &http.Client{Transport: host}})
	}
	p.address = func(l report) forge.Status {
		return forge.Status{Commit: l.Commit, Context: "daemongate/test", State: l.State,
			Description: string(l.Description)}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { p.Run(ctx); close(ended) }()
	p.stop = func() { cancel(); <-ended }
	return p
}

func hashOf(i int) string { return fmt.Sprintf("%040x", i) }

// leaveAlone is how a host asks to be left alone for ten minutes.
var leaveAlone = forgetest.Answer{Code: 403, Header: map[string]string{"Retry-After": "600"},
	Body: `{"message":"You have exceeded a secondary rate limit."}`}

// The host asks to be left alone for ten minutes: nothing is sent meanwhile, what comes meanwhile is saved, and the
// newest states are sent when the time is over. The trouble is told once.
func TestARateLimitIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := forgetest.New(forge.GitHub, "platform/fleet", "t0ken")
		host.Push(hashOf(1), hashOf(2))
		host.Say(leaveAlone)
		p := newPost(t, host, &memory{})
		defer p.stop()
		p.box.put([]report{told(hashOf(1), forge.Pending, "Applying")})
		synctest.Wait()
		time.Sleep(5 * time.Minute)
		p.box.put([]report{told(hashOf(1), forge.Success, "Complete"), told(hashOf(2), forge.Pending, "Applying")})
		synctest.Wait()
		if saved, _ := p.store.read(t.Context()); len(saved) != 2 || host.Requests() != 1 {
			t.Errorf("after five minutes %d reports are saved, %d requests", len(saved), host.Requests())
		}
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		if got := host.Statuses(hashOf(1), "daemongate/test"); len(got) != 1 || got[0].State != "success" ||
			host.Last(hashOf(2), "daemongate/test").State != "pending" {
			t.Errorf("told %v", got)
		}
		if len(p.said) != 1 || !strings.Contains(p.said[0], "rate limit") {
			t.Errorf("said %q", p.said)
		}
	})
}

// A host that asks to be left alone, and then does not take the token: both are told, each once.
func TestAnotherTroubleIsToldToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := forgetest.New(forge.GitHub, "platform/fleet", "another")
		host.Push(hashOf(1))
		host.Say(leaveAlone, leaveAlone)
		p := newPost(t, host, &memory{})
		defer p.stop()
		p.box.put([]report{told(hashOf(1), forge.Success, "Complete")})
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(p.said) != 2 || !strings.Contains(p.said[0], "rate limit") || !strings.Contains(p.said[1], "401") {
			t.Errorf("said %q", p.said)
		}
	})
}

// The host is down for an hour, and the process is restarted meanwhile: when it is back, every commit has its newest
// state within minutes, and no older state comes after a newer one.
func TestAnOutageAndARestartLoseNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host, store := forgetest.New(forge.GitHub, "platform/fleet", "t0ken"), &memory{}
		host.Down(true)
		p := newPost(t, host, store)
		for i := range 500 {
			host.Push(hashOf(i))
			p.box.put([]report{told(hashOf(i), forge.Pending, "Held")})
		}
		time.Sleep(30 * time.Minute)
		p.stop()
		p = newPost(t, host, store)
		defer func() { p.stop() }()
		for i := range 250 {
			p.box.put([]report{told(hashOf(i), forge.Success, "Complete")})
		}
		time.Sleep(30 * time.Minute)
		host.Down(false)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		for i := range 500 {
			want := "success"
			if i >= 250 {
				want = "pending"
			}
			if got := host.Statuses(hashOf(i), "daemongate/test"); len(got) != 1 || got[0].State != want {
				t.Fatalf("commit %d: told %v, want %s", i, got, want)
			}
		}
	})
}

// Two commits that the host cannot answer for, and one that it does not know, keep none back; the unknown one is given
// up with a word and taken when it is pushed after all.
func TestBadCommitsKeepNoneBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := forgetest.New(forge.GitHub, "platform/fleet", "t0ken")
		p := newPost(t, host, &memory{})
		defer p.stop()
		var all []report
		for i := range 100 {
			if i != 97 {
				host.Push(hashOf(i))
			}
			all = append(all, told(hashOf(i), forge.Success, "Complete"))
		}
		host.Say(forgetest.Answer{Code: 500}, forgetest.Answer{Code: 502})
		p.box.put(all)
		time.Sleep(time.Minute)
		synctest.Wait()
		for i := range 100 {
			if got := host.Last(hashOf(i), "daemongate/test").State; i != 97 && got != "success" {
				t.Fatalf("commit %d is %q after a minute", i, got)
			}
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if !slices.ContainsFunc(p.said, func(s string) bool { return strings.Contains(s, "given up after 6 times") }) {
			t.Errorf("said %q", p.said)
		}
		host.Push(hashOf(97))
		p.box.put([]report{told(hashOf(97), forge.Success, "Complete: 3 nodes")})
		time.Sleep(time.Second)
		synctest.Wait()
		if got := host.Last(hashOf(97), "daemongate/test").State; got != "success" {
			t.Errorf("the late commit is %q", got)
		}
	})
}

// What could not be saved is not sent: a restart would not know of it.
func TestNothingIsSentThatIsNotSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := forgetest.New(forge.GitHub, "platform/fleet", "t0ken")
		host.Push(hashOf(1))
		store := &memory{fails: errors.New("the API server is away")}
		p := newPost(t, host, store)
		defer p.stop()
		p.box.put([]report{told(hashOf(1), forge.Success, "Complete")})
		time.Sleep(time.Minute)
		synctest.Wait()
		if host.Requests() != 0 || len(p.said) != 1 {
			t.Errorf("%d requests, said %q", host.Requests(), p.said)
		}
		store.mu.Lock()
		store.fails = nil
		store.mu.Unlock()
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if got := host.Last(hashOf(1), "daemongate/test").State; got != "success" {
			t.Errorf("told %q", got)
		}
	})
}
