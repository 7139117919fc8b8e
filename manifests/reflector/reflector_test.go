package reflector

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	gosync "sync"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/daemongate/daemongate/manifests/caught"
)

// TestMain does without client-go's handler of errors that pauses by the time of the last error, which is of another
// test's bubble, and may lie ahead.
func TestMain(m *testing.M) {
	utilruntime.ErrorHandlers = nil
	os.Exit(m.Run())
}

// store keeps pods by name, and panics where it is told to at the one that is called hostile.
type store struct {
	mu       gosync.Mutex
	pods     map[string]bool
	panicsIn string // cleared when it has
	troubles []error
}

func (s *store) meets(where string, o any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.panicsIn == where && (o == nil || nameOf(o) == "Pod platform/hostile") {
		s.panicsIn = ""
		panic("s3cr3t")
	}
}

func (s *store) note(where string, o any, is bool) error {
	s.meets(where, o)
	s.mu.Lock()
	defer s.mu.Unlock()
	if name := o.(*corev1.Pod).Name; is { //nolint:forcetypeassert // the test made it
		s.pods[name] = true
	} else {
		delete(s.pods, name)
	}
	return nil
}

func (s *store) Add(o any) error    { return s.note("add", o, true) }
func (s *store) Update(o any) error { return s.note("update", o, true) }
func (s *store) Delete(o any) error { return s.note("delete", o, false) }
func (s *store) Resync() error      { return nil }

func (s *store) Replace(all []any, _ string) error {
	s.mu.Lock()
	s.pods = map[string]bool{}
	s.mu.Unlock()
	for _, o := range all {
		if err := s.note("replace", o, true); err != nil {
			return err
		}
	}
	return nil
}

func (s *store) Transformer() toolscache.TransformFunc {
	return func(o any) (any, error) {
		s.meets("transform", o)
		return o, nil
	}
}

func (s *store) failed(err error) {
	s.mu.Lock()
	s.troubles = append(s.troubles, err)
	s.mu.Unlock()
	s.meets("failed", nil)
}

func (s *store) has() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.pods))
}

func pod(name string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "platform", Name: name, ResourceVersion: "7"}}
}

// server has pods. One that streams them does so where it is asked to; an older one has a list.
type server struct {
	mu      gosync.Mutex
	streams bool
	pods    []corev1.Pod
	watches []*watch.RaceFreeFakeWatcher
	listed  func()
}

func (s *server) listWatch() *toolscache.ListWatch {
	return &toolscache.ListWatch{
		ListWithContextFunc: func(context.Context, metav1.ListOptions) (runtime.Object, error) {
			s.listed()
			return &corev1.PodList{ListMeta: metav1.ListMeta{ResourceVersion: "7"}, Items: s.pods}, nil
		},
		WatchFuncWithContext: func(_ context.Context, o metav1.ListOptions) (watch.Interface, error) {
			if o.SendInitialEvents != nil && !s.streams {
				return nil, apierrors.NewInvalid(corev1.SchemeGroupVersion.WithKind("Pod").GroupKind(), "", nil)
			}
			w := watch.NewRaceFreeFake()
			if o.SendInitialEvents != nil {
				for _, p := range s.pods {
					w.Add(p.DeepCopy())
				}
				end := pod("")
				end.Annotations = map[string]string{metav1.InitialEventsAnnotationKey: "true"}
				w.Action(watch.Bookmark, end)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.watches = append(s.watches, w)
			return w, nil
		},
	}
}

// Whatever a store panics at, the process lives. What it was is told by the object and without what the panic says, nothing
// is taken in from then on, and after a pause everything is read again.
func TestAStoreThatPanicsReadsEverythingAgain(t *testing.T) {
	for where, streams := range map[string]bool{"add": false, "update": false, "delete": false, "replace": false,
		"transform": true, "list": false, "failed": false} {
		t.Run(where, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				kept := &store{panicsIn: where, pods: map[string]bool{}}
				from := &server{streams: streams, pods: []corev1.Pod{*pod("good"), *pod("hostile")}}
				from.listed = func() { kept.meets("list", nil) }
				if where == "failed" {
					kept.panicsIn = "update"
				}
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan struct{})
				go func() {
					Run(ctx, Followed{Name: "test", Source: from.listWatch(), Example: &corev1.Pod{}, Store: kept,
						Failed: func(err error) {
							if where == "failed" {
								kept.mu.Lock()
								kept.panicsIn = "failed"
								kept.mu.Unlock()
							}
							kept.failed(err)
						}})
					close(ended)
				}()
				synctest.Wait()
				switch where {
				case "add":
					from.watches[0].Add(pod("hostile"))
				case "update", "failed":
					from.watches[0].Modify(pod("hostile"))
				case "delete":
					from.watches[0].Delete(pod("hostile"))
				}
				synctest.Wait()
				if len(kept.troubles) != 1 {
					t.Fatalf("told: %v", kept.troubles)
				}
				var p *caught.Panic
				text := kept.troubles[0].Error()
				if !errors.As(kept.troubles[0], &p) || strings.Contains(text+p.Stack, "s3cr3t") || where != "list" && where !=
					"replace" && !strings.Contains(text, "Pod platform/hostile") {
					t.Errorf("told: %s", text)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if has := kept.has(); !slices.Equal(has, []string{"good", "hostile"}) {
					t.Errorf("it has %v", has)
				}
				cancel()
				<-ended
			})
		})
	}
}

// After a panic nothing else is taken in, not even a list of all there is: it may lack the object at which it was.
func TestAfterAPanicNothingIsTakenIn(t *testing.T) {
	kept := &store{panicsIn: "transform", pods: map[string]bool{}}
	g := &guarded{followed: Followed{Store: kept, Failed: kept.failed}, end: func() {}}
	if _, err := g.Transformer()(pod("hostile")); err == nil {
		t.Fatal("no error")
	}
	if err := g.Replace([]any{pod("good")}, "8"); !errors.Is(err, errOver) || len(kept.has()) > 0 {
		t.Errorf("%v; it has %v", err, kept.has())
	}
	if len(kept.troubles) != 1 {
		t.Errorf("told %d times", len(kept.troubles))
	}
}

// A store that panics again and again is tried ever more seldom.
func TestPausesAfterPanicsOfAStoreGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := &store{pods: map[string]bool{}}
		from := &server{pods: []corev1.Pod{*pod("hostile")}, listed: func() { panic("again") }}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			Run(ctx, Followed{Name: "test", Source: from.listWatch(), Example: &corev1.Pod{}, Store: kept, Failed: kept.failed})
			close(ended)
		}()
		time.Sleep(time.Hour)
		synctest.Wait()
		cancel()
		<-ended
		if n := len(kept.troubles); n < 15 || n > 25 {
			t.Errorf("tried %d times within an hour", n)
		}
	})
}

// versioned is a store that is told how far the watch has come.
type versioned struct {
	*store
	version string
}

func (v *versioned) UpdateResourceVersion(version string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.version = version
}

// A store that wants to know is told how far the watch has come, also if nothing has changed that it keeps.
func TestAStoreIsToldHowFarTheWatchHasCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := &versioned{store: &store{pods: map[string]bool{}}}
		from := &server{streams: true, pods: []corev1.Pod{*pod("good")}}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			Run(ctx, Followed{Name: "test", Source: from.listWatch(), Example: &corev1.Pod{}, Store: kept, Failed: kept.failed})
			close(ended)
		}()
		synctest.Wait()
		far := pod("")
		far.ResourceVersion = "12"
		from.watches[0].Action(watch.Bookmark, far)
		synctest.Wait()
		if kept.version != "12" {
			t.Errorf("version %q", kept.version)
		}
		cancel()
		<-ended
	})
}
