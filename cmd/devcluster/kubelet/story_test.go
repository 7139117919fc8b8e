package kubelet

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// stage is a world that writes down what happens in it.
type stage struct {
	mu      sync.Mutex
	start   time.Time
	looks   []look
	events  []corev1.Event
	missing map[string]bool // objects that do not exist, as kind/name
	dead    bool            // the node's kubelet
}

func (s *stage) publish(_ context.Context, _ *corev1.Pod, status corev1.PodStatus) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks = appendLook(s.looks, look{time.Since(s.start), stateOf(&status)})
	return nil
}

func (s *stage) event(pod *corev1.Pod, container, kind, reason, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, corev1.Event{
		InvolvedObject: *referenceTo(pod, container), Type: kind, Reason: reason, Message: message,
	})
}

func (s *stage) exists(_ context.Context, _ string, o object) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.missing[o.kind+"/"+o.name]
}

func (s *stage) alive(ctx context.Context, _ string) {
	for ctx.Err() == nil && s.isDead() {
		time.Sleep(100 * time.Millisecond)
	}
}

func (s *stage) isDead() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dead
}

func (s *stage) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// perform plays a pod for so long, in no time; meanwhile runs beside it.
func perform(t *testing.T, pod *corev1.Pod, s *stage, length time.Duration, meanwhile ...func()) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		trouble, err := troubleOf(pod)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), length)
		defer cancel()
		s.start = time.Now()
		story := &story{world: s, pod: pod, trouble: trouble, ip: "10.88.3.18", hostIP: "10.1.0.1"}
		for _, f := range meanwhile {
			go f()
		}
		story.play(ctx)
		synctest.Wait()
	})
}

func (s *stage) states() string {
	var lines []string
	for _, l := range s.looks {
		lines = append(lines, l.at.Round(100*time.Millisecond).String()+"  "+l.state)
	}
	return strings.Join(lines, "\n")
}

// Every recorded pod, played from its spec alone, goes through the recorded states in the recorded order, and each
// lasts about as long as recorded: the back-offs of a kubelet vary by half.
func TestPodsArePlayedAsRecorded(t *testing.T) {
	for scenario, missing := range map[string]string{
		"crash-loop": "", "image-typo": "", "init-image-typo": "", "invalid-image-name": "",
		"readiness-fails": "", "startup-fails": "",
		"missing-configmap-env": "configmap/nope", "missing-secret-volume": "secret/nope",
	} {
		t.Run(scenario, func(t *testing.T) {
			r := readRecording(t, scenario)
			s := &stage{missing: map[string]bool{missing: true}}
			perform(t, r.pod(), s, 6*time.Minute)
			compareStates(t, r.looks(), s)
			compareEvents(t, r.Events, s.events)
		})
	}
}

// compareStates: what the recording saw is a part, in order, of what was played (it looked once a second only).
func compareStates(t *testing.T, recorded []look, s *stage) {
	t.Helper()
	at, before := 0, look{}
	var playedBefore time.Duration
	for i, want := range recorded {
		found := slices.IndexFunc(s.looks[at:], func(l look) bool { return l.state == want.state })
		if found < 0 {
			t.Fatalf("recorded at %s and not played in this order: %s\nplayed:\n%s", want.at, want.state, s.states())
		}
		at += found
		got := s.looks[at].at
		if i > 0 && !about(got-playedBefore, want.at-before.at) {
			t.Errorf("%s came %s after the state before, recorded: %s\nplayed:\n%s",
				want.state, got-playedBefore, want.at-before.at, s.states())
		}
		before, playedBefore = want, got
	}
}

// about: within the jitter of a kubelet's back-offs and looks.
func about(got, want time.Duration) bool {
	const slack = 7 * time.Second
	return got > want*6/10-slack && got < want*16/10+slack
}

// compareEvents: every Event that the recorded kubelet said, it says here of the same container in the same words.
func compareEvents(t *testing.T, recorded, played []corev1.Event) {
	t.Helper()
	for _, want := range recorded {
		// a matter of those kubelets' settings
		if want.Source.Component != "kubelet" || want.Reason == "MissingClusterDNS" {
			continue
		}
		if !slices.ContainsFunc(played, func(got corev1.Event) bool {
			return got.Type == want.Type && got.Reason == want.Reason && sameWords(got.Message, want.Message) &&
				got.InvolvedObject.FieldPath == want.InvolvedObject.FieldPath
		}) {
			t.Errorf("recorded and not played: %s %s on %q: %s", want.Type, want.Reason, want.InvolvedObject.FieldPath,
				want.Message)
		}
	}
}

// sameWords: why an image could not be pulled and the address of a pod differ.
func sameWords(a, b string) bool {
	trim := func(s string) string {
		s, _, _ = strings.Cut(s, "failed to resolve image")
		s, _, _ = strings.Cut(s, "10.88.")
		return s
	}
	return trim(a) == trim(b)
}
