package stop

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	gosync "sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	core "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
)

// played is an API server that holds the switch and tells no watch of it. A real one cannot be had to be late at will;
// the stories of cmd/daemongate turn the switch of a real one.
type played struct {
	mu gosync.Mutex
	// held is what it answers; nil if there is no switch. fails is the code that it answers instead.
	held  *corev1.ConfigMap
	fails int
	// meanwhile is called once before the next write is taken.
	meanwhile func()
}

// state sets what the server answers from now on.
func (p *played) state(held *corev1.ConfigMap, fails int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held, p.fails = held, fails
}

func (p *played) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	p.mu.Lock()
	defer p.mu.Unlock()
	if before := p.meanwhile; r.Method != http.MethodGet && before != nil {
		p.meanwhile = nil
		before()
	}
	switch {
	case p.fails != 0:
		answer(w, p.fails, "InternalError")
	case r.Method == http.MethodGet && p.held == nil:
		answer(w, http.StatusNotFound, metav1.StatusReasonNotFound)
	case r.Method == http.MethodPost && p.held != nil:
		answer(w, http.StatusConflict, metav1.StatusReasonAlreadyExists)
	case r.Method == http.MethodGet:
		_ = json.NewEncoder(w).Encode(p.held)
	default:
		var m corev1.ConfigMap
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			answer(w, http.StatusBadRequest, metav1.StatusReasonBadRequest)
			return
		}
		if p.held != nil && m.ResourceVersion != p.held.ResourceVersion {
			answer(w, http.StatusConflict, metav1.StatusReasonConflict)
			return
		}
		m.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}
		p.held = &m
		_ = json.NewEncoder(w).Encode(p.held)
	}
}

func answer(w http.ResponseWriter, code int, reason metav1.StatusReason) {
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
		Status: metav1.StatusFailure, Code: int32(code), Reason: reason})
}

// turnedBy is the switch as somebody turned it.
func turnedBy(by, suspended string) *corev1.ConfigMap {
	return &corev1.ConfigMap{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "daemongate", Name: "daemongate-suspended", ResourceVersion: "of-" + by},
		Data:       map[string]string{keySuspended: suspended, keyBy: by}}
}

// newSwitch is a switch whose watch has told that it is off, and its API server.
func newSwitch(t *testing.T) (*Switch, *played) {
	server := &played{}
	listening := httptest.NewServer(server)
	t.Cleanup(listening.Close)
	client, err := core.NewForConfig(&rest.Config{Host: listening.URL,
		ContentConfig: rest.ContentConfig{ContentType: "application/json"}})
	if err != nil {
		t.Fatal(err)
	}
	s := New(client, "daemongate", "daemongate")
	s.set(State{})
	return s, server
}

// Whoever writes reads the switch first: one that is on, or cannot be read, has nothing written although the watch has
// told that it is off.
func TestNothingIsWrittenWhenTheWatchIsLate(t *testing.T) {
	for name, c := range map[string]struct {
		held  *corev1.ConfigMap
		fails int
		want  string
	}{
		"off":          {},
		"turned off":   {held: turnedBy("ada", "false")},
		"turned on":    {held: turnedBy("ada", "true"), want: "nothing is written: all Syncs are suspended since"},
		"not readable": {fails: http.StatusInternalServerError, want: "nothing is written: read the stop switch, ConfigMap daemongate/"},
	} {
		t.Run(name, func(t *testing.T) {
			s, server := newSwitch(t)
			server.state(c.held, c.fails)
			wrote := false
			err := s.While(t.Context(), func(may func() error) error {
				wrote = true
				return may()
			})
			if wrote != (c.want == "") || (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("written %t, %v", wrote, err)
			}
		})
	}
}

// What is being written when the switch is turned on is written no further, and the error says so once, whatever became
// of the single objects. What was written to its end before is no error.
func TestWhatIsBeingWrittenStops(t *testing.T) {
	s, _ := newSwitch(t)
	var first, second error
	err := s.While(t.Context(), func(may func() error) error {
		first = may()
		s.set(State{On: true, By: "ada"})
		second = may()
		return errors.Join(errors.New("apply DaemonSet a/b"), second)
	})
	if first != nil || second == nil || err == nil || strings.Contains(err.Error(), "apply DaemonSet") ||
		!strings.Contains(err.Error(), "nothing is written any more: all Syncs are suspended since") {
		t.Errorf("before %v, after %v, in all %v", first, second, err)
	}
	s.set(State{})
	if err := s.While(t.Context(), func(func() error) error {
		s.set(State{On: true})
		return nil
	}); err != nil {
		t.Errorf("written to its end: %v", err)
	}
}

// Two people turn the switch at once. Nobody's turn is lost: the later one looks again, and finds that it is on, or
// turns what it now finds.
func TestTwoTurnTheSwitchAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		before, meanwhile *corev1.ConfigMap
		changed           bool
		by                string
	}{
		"both make it":                   {nil, turnedBy("bob", "true"), false, "bob"},
		"one makes it and turns it off":  {nil, turnedBy("bob", "false"), true, "ada"},
		"both turn it on":                {turnedBy("eve", "false"), turnedBy("bob", "true"), false, "bob"},
		"one only writes something else": {turnedBy("eve", "false"), turnedBy("bob", "false"), true, "ada"},
	} {
		t.Run(name, func(t *testing.T) {
			s, server := newSwitch(t)
			server.state(c.before, 0)
			server.meanwhile = func() { server.held = c.meanwhile } // the server holds the lock
			now, changed, err := s.Turn(t.Context(), true, "ada", "incident")
			if err != nil || changed != c.changed || !now.On || now.By != c.by {
				t.Errorf("changed %t, %+v, %v", changed, now, err)
			}
		})
	}
}
