package page

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	gosync "sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/daemongate/daemongate/cmd/daemongate/page/html"
	"github.com/daemongate/daemongate/rollout"
)

// tab is where a stream is written to.
type tab struct {
	mu     gosync.Mutex
	header http.Header
	got    strings.Builder
}

func (b *tab) Header() http.Header { return b.header }
func (b *tab) WriteHeader(int)     {}
func (b *tab) Flush()              {}

func (b *tab) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.got.Write(p)
}

func (b *tab) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := b.got.String()
	b.got.Reset()
	return text
}

// played is a page whose frames are counted.
type played struct {
	bell  bell
	mu    gosync.Mutex
	count int
	err   error
}

func (s *played) next(context.Context) (html.Frame, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return html.Frame{Order: "o", Letters: fmt.Sprint(s.count)}, s.err
}

func (s *played) change(err error) {
	s.mu.Lock()
	s.count, s.err = s.count+1, err
	s.mu.Unlock()
	s.bell.ring()
}

// An open page gets its whole state at once, then a frame a second at most, whatever happens meanwhile; a sign of life
// when nothing has happened for 15 seconds; and its end when there is nothing more to be seen.
func TestAStreamSendsAFrameASecondAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := &played{}, &tab{header: http.Header{}}
		p := &Page{line: &line{}, streams: newStreams()}
		ended := make(chan error)
		go func() {
			ended <- p.stream(b, httptest.NewRequest(http.MethodGet, "/", nil), &caller{}, frames{s.next, s.bell.next})
		}()
		synctest.Wait()
		if got := b.text(); !strings.Contains(got, "event: order\n") || !strings.Contains(got, "event: letters\nid: o\ndata: o 0\n\n") {
			t.Errorf("the first frame is %q", got)
		}
		for range 3 {
			time.Sleep(200 * time.Millisecond)
			s.change(nil)
		}
		synctest.Wait()
		if got := b.text(); got != "" {
			t.Errorf("within a second comes %q", got)
		}
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		if got := b.text(); got != "event: letters\nid: o\ndata: o 3\n\n" {
			t.Errorf("after a second comes %q", got)
		}
		time.Sleep(2 * time.Second)
		s.change(nil)
		synctest.Wait()
		if got := b.text(); !strings.Contains(got, "data: o 4") {
			t.Errorf("a change after a while is not sent at once: %q", got)
		}
		time.Sleep(17 * time.Second)
		synctest.Wait()
		if got := b.text(); got != ": still here\n\n" {
			t.Errorf("when nothing happens comes %q", got)
		}
		s.change(errors.New("gone"))
		if err := <-ended; err != nil || p.streams.all != 0 || len(p.streams.of) != 0 {
			t.Errorf("it ends with %v, and %d streams are counted", err, p.streams.all)
		}
	})
}

// There are not more streams than so many, and one person has not all of them. Who has gone is not counted.
func TestStreamsAreBounded(t *testing.T) {
	s := newStreams()
	leave, err := s.enter("ada")
	for n := 1; err == nil; n++ {
		if n > mostStreamsOfOne {
			t.Fatalf("ada has %d streams", n)
		}
		_, err = s.enter("ada")
	}
	if _, err := s.enter("bob"); err != nil {
		t.Errorf("ada keeps bob out: %v", err)
	}
	leave()
	if _, err := s.enter("ada"); err != nil {
		t.Errorf("who has closed a page cannot open another one: %v", err)
	}
	for i := range 2 * mostStreams {
		_, _ = s.enter(fmt.Sprint("somebody ", i))
	}
	if s.all != mostStreams {
		t.Errorf("there are %d streams", s.all)
	}
}

// events reads a stream: an event by event.
func events(t *testing.T, url string, headers ...string) (next func() string, end func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(got.Body)
	lines.Buffer(nil, 1<<20)
	return func() string {
		var event strings.Builder
		for lines.Scan() {
			if lines.Text() == "" {
				return event.String()
			}
			event.WriteString(lines.Text() + "\n")
		}
		return "ended: " + event.String()
	}, func() { cancel(); _ = got.Body.Close() }
}

// until reads events until one has a text in it.
func until(t *testing.T, next func() string, text string) {
	t.Helper()
	for {
		got := next()
		if strings.Contains(got, text) {
			return
		}
		if strings.HasPrefix(got, "ended") {
			t.Fatalf("the stream has ended without %q", text)
		}
	}
}

// A node that settles is on the open page without anybody asking, also when the server is one that cuts off who is slow:
// its timeouts do not end a stream.
func TestAnOpenPageGoesOn(t *testing.T) {
	c := newCluster(t)
	c.rolls("platform", "agents")
	c.knows("adas", "ada", "get */*")
	p, err := InCluster(c.reach(), false)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(p.Handler())
	server.Config.ReadTimeout, server.Config.WriteTimeout = 2*time.Second, 2*time.Second
	server.Start()
	t.Cleanup(func() { server.CloseClientConnections(); server.Close(); p.Close() })
	next, end := events(t, server.URL+"/syncs/platform/agents/live", "Authorization", "Bearer adas")
	defer end()
	first := next()
	if !strings.Contains(first, "event: order") || !strings.Contains(first, "node-3") {
		t.Errorf("the first event is\n%s", first)
	}
	letters := next()
	if !strings.Contains(letters, "event: letters") {
		t.Errorf("the second event is\n%s", letters)
	}
	time.Sleep(3 * time.Second) // both timeouts are over
	c.turns("node-3", rollout.IsSettled)
	until(t, next, "event: letters")
}

// Who may not see a Sync any more, or whose token has expired, is not told more of it.
func TestAStreamEndsWithTheRight(t *testing.T) {
	for name, take := range map[string]func(*cluster){
		"the right": func(c *cluster) { delete(c.rights, "ada get */*") },
		"the token": func(c *cluster) { delete(c.tokens, "adas") },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.rolls("platform", "agents")
			c.knows("adas", "ada", "get */*")
			p, err := InCluster(c.reach(), false)
			if err != nil {
				t.Fatal(err)
			}
			forgetful(t, p)
			server := c.serve(p)
			next, end := events(t, server.URL+"/syncs/platform/agents/live", "Authorization", "Bearer adas")
			defer end()
			until(t, next, "event: letters")
			c.set(func() { take(c) })
			c.turns("node-3", rollout.IsSettled)
			for got := next(); !strings.HasPrefix(got, "ended"); got = next() {
				if strings.Contains(got, "event: letters") {
					t.Fatal("what has changed since is told")
				}
			}
		})
	}
}

// While nobody looks nothing is watched; while somebody does, the tabs share one watch; and an API server that does not
// answer is told, with since when, on the page that stands there.
func TestWatchesAreSharedAndClosed(t *testing.T) {
	c := newCluster(t)
	c.rolls("platform", "agents")
	c.knows("adas", "ada", "get */*")
	p, err := InCluster(c.reach(), false)
	if err != nil {
		t.Fatal(err)
	}
	p.watched.lingers = time.Millisecond
	server := c.serve(p)
	if n := c.watching(); n != 0 {
		t.Errorf("%d watches before anybody looks", n)
	}
	var ends []func()
	var last func() string
	for range 3 {
		next, end := events(t, server.URL+"/syncs/platform/agents/live", "Authorization", "Bearer adas")
		until(t, next, "event: letters")
		ends, last = append(ends, end), next
	}
	if n := c.watching(); n != 2 {
		t.Errorf("three tabs have %d watches, not one of Syncs and one of a flight", n)
	}
	c.set(func() { c.down = true })
	c.CloseClientConnections()
	until(t, last, "503")
	for _, end := range ends {
		end()
	}
	c.set(func() { c.down = false })
	for deadline := time.Now().Add(5 * time.Minute); c.watching() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d watches after everybody has gone", c.watching())
		}
	}
}
