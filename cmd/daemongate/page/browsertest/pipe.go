package browsertest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// callTime is how long Chromium may take for an answer when the machine is busy with other tests.
const callTime = 10 * time.Minute

// pipe speaks the DevTools protocol with Chromium: JSON messages over two pipes, each ended by a zero byte. Chromium
// ends when its end of them is closed, so it outlives no test.
type pipe struct {
	writing sync.Mutex // a long message blocks until Chromium has read it, while answers still come
	in      *os.File

	mu      sync.Mutex
	last    int
	waiting map[int]chan answer    // by the number of the call
	heard   map[string]func(event) // by session
	broken  error                  // why nothing comes any more
}

// event is what Chromium tells without being asked.
type event struct {
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

type answer struct {
	ID      int             `json:"id"`
	Session string          `json:"sessionId"`
	Result  json.RawMessage `json:"result"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error"`
	event
}

func newPipe(in, out *os.File) *pipe {
	p := &pipe{in: in, waiting: map[int]chan answer{}, heard: map[string]func(event){}}
	go p.read(out)
	return p
}

// read hands every message to whom it is for, until the pipe is closed.
func (p *pipe) read(out io.Reader) {
	messages := bufio.NewReader(out)
	for {
		text, err := messages.ReadBytes(0)
		if err != nil {
			p.fail(fmt.Errorf("chromium has ended: %w", err))
			return
		}
		var m answer
		if err := json.Unmarshal(text[:len(text)-1], &m); err != nil {
			p.fail(fmt.Errorf("a message of Chromium: %w", err))
			return
		}
		p.deliver(m)
	}
}

func (p *pipe) deliver(m answer) {
	p.mu.Lock()
	waits, hears := p.waiting[m.ID], p.heard[m.Session]
	delete(p.waiting, m.ID)
	p.mu.Unlock()
	switch {
	case m.ID != 0 && waits != nil:
		waits <- m
	case m.ID == 0 && hears != nil:
		hears(m.event)
	}
}

// fail tells all that wait, and all that will ask, that nothing comes any more.
func (p *pipe) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = err
	for id, waits := range p.waiting {
		delete(p.waiting, id)
		close(waits)
	}
}

// hear has the events of a session handed over, one after the other.
func (p *pipe) hear(session string, hears func(event)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard[session] = hears
}

// call asks Chromium, in a session or, without one, as a whole. The result may be nil.
func (p *pipe) call(session, method string, params, result any) error {
	waits, err := p.send(session, method, params)
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	select {
	case m, ok := <-waits:
		switch {
		case !ok:
			return fmt.Errorf("%s: %w", method, p.reason())
		case m.Error != nil:
			return fmt.Errorf("%s: %s", method, m.Error.Message)
		case result == nil:
			return nil
		}
		return json.Unmarshal(m.Result, result)
	case <-time.After(callTime):
		return fmt.Errorf("%s: no answer from Chromium within %s", method, callTime)
	}
}

func (p *pipe) send(session, method string, params any) (<-chan answer, error) {
	id, waits, err := p.number()
	if err != nil {
		return nil, err
	}
	message := map[string]any{"id": id, "method": method}
	if params != nil {
		message["params"] = params
	}
	if session != "" {
		message["sessionId"] = session
	}
	text, err := json.Marshal(message)
	if err != nil {
		return nil, err
	}
	p.writing.Lock()
	defer p.writing.Unlock()
	_, err = p.in.Write(append(text, 0))
	return waits, err
}

// number gives a call its number, and says where its answer will come.
func (p *pipe) number() (int, <-chan answer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken != nil {
		return 0, nil, p.broken
	}
	p.last++
	waits := make(chan answer, 1)
	p.waiting[p.last] = waits
	return p.last, waits, nil
}

func (p *pipe) reason() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken != nil {
		return p.broken
	}
	return errors.New("no answer")
}
