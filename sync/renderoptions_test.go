package sync

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// The render knows the namespace that the set is moved to: what refers to its objects has to follow.
func TestTheRenderKnowsTheTargetNamespace(t *testing.T) {
	s := &api.Sync{}
	s.Spec.Apply.TargetNamespace = "agents"
	if o, _, err := RenderOptions(s); err != nil || o.Namespace != "agents" {
		t.Errorf("%+v %v", o, err)
	}
}

// What a render may take of the machine is read from the spec, and what it can never do with is refused by its field.
func TestTheRendersMemoryIsRead(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "1Gi": 1 << 30, "64Mi": 64 << 20, "63Mi": -1, "much": -1,
		"-1": -1} {
		s := &api.Sync{}
		s.Spec.Render.MaxMemory = text
		_, limits, err := RenderOptions(s)
		if want < 0 && (err == nil || !strings.Contains(err.Error(), "spec.render.maxMemory")) {
			t.Errorf("%q: %v", text, err)
		}
		if want >= 0 && (err != nil || limits.Memory != want) {
			t.Errorf("%q: %d bytes, %v", text, limits.Memory, err)
		}
	}
}

// Whatever a spec asks for, no more counts than the controller lets any Sync have, also of what the spec leaves out; and
// it is said which value counts. What is below the ceilings counts as it is written.
func TestTheCeilingsCountAboveEverySpec(t *testing.T) {
	ceilings := RenderCeilings{FileSize: 1 << 20, TotalSize: 8 << 20, Memory: 256 << 20, Objects: 100, Timeout: time.Minute}
	of := func(r api.Render) (figures, said string) {
		o, l, lowered, err := ceilings.Limits(&api.Sync{Spec: api.SyncSpec{Render: r}})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(o.FileSize, o.TotalSize, o.Objects, l.Timeout, l.Memory), strings.Join(lowered, "\n")
	}
	hour, second := metav1.Duration{Duration: time.Hour}, metav1.Duration{Duration: time.Second}
	const all = "1048576 8388608 100 1m0s 268435456"
	figures, said := of(api.Render{MaxFileSize: "1Gi", MaxTotalSize: "1Ti", MaxObjects: 1e6, Timeout: hour, MaxMemory: "1Ti"})
	if figures != all {
		t.Error(figures)
	}
	for _, want := range []string{
		"spec.render.maxTotalSize 1Ti is more than this controller lets any Sync have: 8Mi counts (--render-max-total-size)",
		"maxFileSize 1Gi", "1Mi counts", "maxObjects 1000000", "100 counts", "timeout 1h0m0s", "1m0s counts",
		"maxMemory 1Ti", "256Mi counts (half of --render-memory)"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not said:\n%s", want, said)
		}
	}
	if figures, _ := of(api.Render{}); figures != all {
		t.Errorf("of an empty spec: %s", figures)
	}
	figures, said = of(api.Render{MaxFileSize: "5", MaxTotalSize: "6", MaxObjects: 7, Timeout: second, MaxMemory: "64Mi"})
	if figures != "5 6 7 1s 67108864" || said != "" {
		t.Error(figures, said)
	}
}

// That a spec asks for more than it gets is told once by an Event, and again by the commit that fails for it.
func TestAFigureThatDoesNotCountIsTold(t *testing.T) {
	t.Parallel()
	w := newStillWorld(t)
	w.Preparing.Renders = RenderCeilings{TotalSize: 8 << 20}
	w.add("platform", "agents", func(s *api.SyncSpec) { s.Render.MaxTotalSize = "1Ti" })
	w.fail("platform", errors.New("the files are too large"))
	w.run()
	const says = "spec.render.maxTotalSize 1Ti is more than this controller lets any Sync have: 8Mi counts"
	w.until("failure", func() bool { return w.status("platform", "agents").Summary.State == api.Failed })
	told := locked(w, func() string { return strings.Join(w.news, "\n") })
	if strings.Count(told, "Warning "+says) != 1 {
		t.Errorf("told:\n%s", told)
	}
	if s := w.status("platform", "agents"); !strings.Contains(s.Failed[0].Message, says) {
		t.Errorf("the commit's failure: %s", s.Failed[0].Message)
	}
}

// What groups of objects rendered to is remembered for the namespace of the Sync, so that no render of another tenant's is
// told of it; where the Sync's objects go does not matter.
func TestRendersAreRememberedForTheirNamespace(t *testing.T) {
	s := &api.Sync{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "agents"},
		Spec: api.SyncSpec{Apply: api.Apply{TargetNamespace: "shared"}}}
	_, l, _, err := RenderCeilings{}.Limits(s)
	if err != nil || l.Tenant != "team-a" {
		t.Error(l.Tenant, err)
	}
}
