package stop

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// answers plays a server: an answer is what is so when the question is put, and takes a second.
type answers struct {
	is   int // what is so now
	puts int
	// hangs is set while no answer comes.
	hangs bool
	err   error
}

func (a *answers) put(ctx context.Context) (int, error) {
	a.puts++
	is, err := a.is, a.err
	if a.hangs {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	time.Sleep(time.Second)
	return is, err
}

// asked is what somebody is answered.
type asked struct {
	answer int
	err    error
	after  time.Duration
}

func (t *together[A]) asks(ctx context.Context, take func(A) int) <-chan asked {
	got, began := make(chan asked, 1), time.Now()
	go func() {
		answer, err := t.ask(ctx)
		got <- asked{take(answer), err, time.Since(began)}
	}()
	synctest.Wait()
	return got
}

// Who asks while a question is under way is not handed its answer, which may be older than the question: what has
// become so before somebody asks, they are told. All who ask meanwhile share the next one.
func TestNobodyIsHandedAnOlderAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{is: 1}
		shared := &together[int]{put: a.put, patience: time.Minute}
		ask := func() <-chan asked { return shared.asks(t.Context(), func(n int) int { return n }) }
		first := ask()
		time.Sleep(500 * time.Millisecond)
		a.is = 2 // is turned while the first question is under way
		later := []<-chan asked{ask(), ask(), ask()}
		if got := <-first; got != (asked{1, nil, time.Second}) {
			t.Errorf("the first was answered %+v", got)
		}
		for i, one := range later {
			if got := <-one; got != (asked{2, nil, 1500 * time.Millisecond}) {
				t.Errorf("number %d, who asked when it was 2, was answered %+v", i, got)
			}
		}
		a.is = 3
		if got := <-ask(); got != (asked{3, nil, time.Second}) {
			t.Errorf("one who asks when no question is under way was answered %+v", got)
		}
		if a.puts != 3 {
			t.Errorf("five have asked, and %d questions were put instead of three", a.puts)
		}
	})
}

// A question that is not answered holds up the next one for a while only, and an error is for all who share it.
func TestAQuestionThatHangsHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{is: 1, hangs: true}
		shared := &together[int]{put: a.put, patience: 3 * time.Second}
		ask := func(ctx context.Context) <-chan asked { return shared.asks(ctx, func(n int) int { return n }) }
		hanging, end := context.WithCancel(t.Context())
		defer end()
		hangs := ask(hanging)
		a.hangs, a.err = false, errors.New("unavailable")
		for _, one := range []<-chan asked{ask(t.Context()), ask(t.Context())} {
			if got := <-one; got.err == nil || got.err.Error() != "unavailable" || got.after != 4*time.Second {
				t.Errorf("beside one that hangs: %+v", got)
			}
		}
		end()
		if got := <-hangs; !errors.Is(got.err, context.Canceled) || a.puts != 2 {
			t.Errorf("the one that hangs: %+v, %d questions", got, a.puts)
		}
	})
}

// Who shares a question with somebody who goes away, or panics, asks again.
func TestWhoSharesWithSomebodyWhoGoesAwayAsksAgain(t *testing.T) {
	for name, panics := range map[string]bool{"goes away": false, "panics": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &answers{is: 1}
				ctx, end := context.WithCancel(t.Context())
				shared := &together[int]{patience: time.Minute, put: func(of context.Context) (int, error) {
					if of == ctx && panics {
						panic("at a question")
					}
					return a.put(of)
				}}
				before := shared.asks(t.Context(), func(n int) int { return n })
				go func() { // puts the next question, which the other one shares
					defer func() { _ = recover() }()
					_, _ = shared.ask(ctx)
				}()
				synctest.Wait()
				shares := shared.asks(t.Context(), func(n int) int { return n })
				if !panics {
					end()
				}
				if got := <-before; got.answer != 1 || got.err != nil {
					t.Errorf("who asked before: %+v", got)
				}
				if got := <-shares; got.answer != 1 || got.err != nil {
					t.Errorf("who shared: %+v", got)
				}
				end()
			})
		})
	}
}
