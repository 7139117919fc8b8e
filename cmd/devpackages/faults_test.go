package devpackages

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/manifests/clustertest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// story is what is watched: what Prometheus would have, and what the receiver of notifications is to have heard.
type story struct {
	*world
	asks    watching
	first   string // the commit that was rolled out before
	stop    func() // ends the controller that came last
	scrapes [][]sample
	told    []string
	fired   map[string]bool // the alerts that have fired in a fault that is played
}

// fault is one that is played, and the alerts that fire in it.
type fault struct {
	is     string
	play   func(*story, *testing.T)
	alerts []string
}

// faults are those of the story, in the order in which they are played: every alert has one.
var faults = []fault{
	{"an image that cannot be pulled, and webhooks that prove nothing", (*story).stuck,
		[]string{"DaemongateRolloutStuck", "DaemongateForgedWebhooks"}},
	{"a commit that is no object", (*story).refused, []string{"DaemongateCommitRefused"}},
	{"a repository that takes no notes", (*story).notesRefused, []string{"DaemongateStatusesPileUp"}},
	{"a repository that is gone", (*story).unpolled, []string{"DaemongateGitCannotBePolled"}},
	{"a receiver that is away, and pods that are gone meanwhile", (*story).receiverAway,
		[]string{"DaemongateNotificationsPileUp", "DaemongateObjectsUnwell"}},
	{"a stage that waits for a person", (*story).waits, []string{"DaemongateRolloutWaits"}},
	{"somebody else who has the Lease, and controllers that are gone", (*story).nobodyWrites,
		[]string{"DaemongateNobodyStandsBy", "DaemongateNobodyWrites", "DaemongateIsAway"}},
	{"a panic while a commit is prepared", (*story).panics, []string{"DaemongatePanics"}},
}

// onTheWay are the alerts whose query answers as soon as something is yet to be told, as after every commit: it is told
// in the next moment. That it is not is what their long time is for.
var onTheWay = []string{"DaemongateStatusesPileUp", "DaemongateNotificationsPileUp"}

// isWatched has a second controller stand by and plays the good part of the demo's story, in which no alert fires, and
// then one fault after the other: in each of them its alerts fire and no others, and when it is over none does. The
// receiver of notifications is away for a minute meanwhile, and hears of every change in the end, in order and once.
func (w *world) isWatched(t *testing.T) {
	s := &story{world: w, asks: watches(t), first: w.status(t).Head, fired: map[string]bool{}}
	s.stop = w.runs(t)
	w.isReady(t)
	s.goodPart(t)
	w.scraperMayNothingElse(t)
	for _, f := range faults {
		clear(s.fired)
		f.play(s, t)
		if got, want := slices.Sorted(maps.Keys(s.fired)), slices.Sorted(slices.Values(f.alerts)); !slices.Equal(got,
			want) {
			t.Errorf("%s: the alerts %q fire, and not %q", f.is, got, want)
		}
	}
	s.asks.knowAll(t, s.scrapes)
}

// tells notes what the receiver is to be told of a commit.
func (s *story) tells(commit string, changes ...string) {
	for _, change := range changes {
		s.told = append(s.told, change+" "+commit)
	}
}

// goesOut pushes an image, and waits until it has rolled out.
func (s *story) goesOut(t *testing.T, image string) {
	t.Helper()
	commit := s.pushes(t, image)
	s.comesTo(t, commit, api.Complete)
	s.tells(commit, "rollingout", "complete")
}

// fires goes on for a while from now, after an hour in which all was as before, and holds that these alerts fire then
// and no others. What is yet to settle is waited for: a busy machine takes its time, and a moment would count for all of
// that while.
func (s *story) fires(t *testing.T, before []sample, lasts time.Duration, want ...string) []sample {
	t.Helper()
	from, tries := s.scraped(t), 0
	to := from
	clustertest.Until(t, 3*time.Minute, fmt.Sprintf("the alerts to be %q", want), func() (string, bool) {
		if tries++; tries%20 == 0 {
			from = to // what was in the first of them may have been the end of something else
		}
		to = s.scraped(t)
		firing := s.asks.firing(t, newPast().goesOn(time.Hour, before).grows(lasts, from, to))
		return fmt.Sprintf("they are %q", firing), slices.Equal(firing, want)
	})
	s.scrapes = append(s.scrapes, to)
	for _, name := range want {
		s.fired[name] = true
	}
	return to
}

// isWell holds that no alert fires, however long it goes on as it does now.
func (s *story) isWell(t *testing.T) []sample {
	t.Helper()
	return s.fires(t, s.scraped(t), 75*time.Minute)
}

// goodPart plays what the demo's story begins with: a commit, and two that wait for it, of which the last one carries
// the other. What is scraped on the way is stored at the time at which it is: nothing that an alert asks for is there
// at any moment, but for what is on the way, and that has arrived in the end.
func (s *story) goodPart(t *testing.T) {
	t.Helper()
	seen, asked := newPast(), map[string]bool{}
	s.looks = func(t *testing.T) {
		seen.at(time.Now(), s.scraped(t))
		for name, a := range s.asks.alerts {
			asked[name] = asked[name] || len(seen.asked(t, a.query, 0)) > 0
		}
	}
	check(t, s.Devcluster("pause", "kwok")) // so that no pod gets ready before the next commits have come
	v2 := s.pushes(t, "registry.local/agent:v2")
	s.comesTo(t, v2, api.RollingOut)
	v3 := s.pushes(t, "registry.local/agent:v3")
	s.comesTo(t, v3, api.Held)
	v4 := s.pushes(t, "registry.local/agent:v4")
	s.comesTo(t, v4, api.Held)
	check(t, s.Devcluster("resume", "kwok"))
	s.comesTo(t, v2, api.Complete)
	s.comesTo(t, v4, api.Complete)
	s.comesTo(t, v3, api.Carried)
	s.looks = nil
	s.tells(s.first, "rollingout", "complete")
	s.tells(v2, "rollingout")
	s.tells(v3, "held")
	s.tells(v4, "held")
	s.tells(v2, "complete")
	s.tells(v4, "rollingout", "complete")
	for _, name := range onTheWay {
		delete(asked, name)
	}
	maps.DeleteFunc(asked, func(_ string, was bool) bool { return !was })
	if len(asked) > 0 {
		t.Errorf("in the good part of the story alerts begin: %q", slices.Sorted(maps.Keys(asked)))
	}
	s.isWell(t)
	s.to.hears(t, s.told)
}

// stuck pushes an image that cannot be pulled, and sends webhooks that prove nothing.
func (s *story) stuck(t *testing.T) {
	t.Helper()
	well := s.isWell(t)
	commit := s.pushes(t, "registry.local/agent:latset")
	s.comesTo(t, commit, api.Stuck)
	for range 25 {
		r, err := http.Post(s.base+"/hooks/platform/agents", "application/json", strings.NewReader("{}"))
		check(t, err)
		r.Body.Close()
	}
	s.tells(commit, "rollingout", "stuck")
	s.fires(t, well, 10*time.Minute, "DaemongateForgedWebhooks", "DaemongateRolloutStuck")
	s.goesOut(t, "registry.local/agent:v5")
	s.isWell(t)
}

// refused pushes what is no object.
func (s *story) refused(t *testing.T) {
	t.Helper()
	well := s.isWell(t)
	repository := filepath.Join(s.dir, "fleet")
	commit := gittest.Commit(t, repository, "agent.yaml", "kind: DaemonSet\n")
	s.comesTo(t, commit, api.Failed)
	s.tells(commit, "failed")
	s.fires(t, well, 75*time.Minute, "DaemongateCommitRefused")
	s.goesOut(t, "registry.local/agent:v6")
	s.isWell(t)
}

// notesRefused has the repository take no notes.
func (s *story) notesRefused(t *testing.T) {
	t.Helper()
	well := s.isWell(t)
	hook := filepath.Join(s.dir, "fleet", ".git", "hooks", "pre-receive")
	check(t, os.MkdirAll(filepath.Dir(hook), 0o755))
	check(t, os.WriteFile(hook, []byte("#!/bin/sh\nexit 1\n"), 0o755))
	s.goesOut(t, "registry.local/agent:v7")
	s.fires(t, well, 75*time.Minute, "DaemongateStatusesPileUp")
	check(t, os.Remove(hook))
	s.isWell(t)
}

// unpolled takes the repository away. That another one was never there is no alert before: some polls succeed.
func (s *story) unpolled(t *testing.T) {
	t.Helper()
	well := s.isWell(t)
	here := filepath.Join(s.dir, "fleet")
	for _, u := range objects(t, `apiVersion: daemongate.io/v1alpha1
kind: Sync
metadata: {name: lost, namespace: platform}
spec:
  source: {url: `+here+`-lost, interval: 1s}
  apply: {serviceAccountName: deployer}
`) {
		_, err := s.client.Resource(syncs).Namespace("platform").Create(t.Context(), u, metav1.CreateOptions{})
		check(t, err)
	}
	clustertest.Until(t, time.Minute, "a poll to fail", func() (string, bool) {
		failed := sum(s.scraped(t), "daemongate_polls_total", "error") - sum(well, "daemongate_polls_total", "error")
		return fmt.Sprint(failed), failed >= 2
	})
	some := s.fires(t, well, 75*time.Minute)
	check(t, os.Rename(here, here+"-away"))
	s.fires(t, some, 75*time.Minute, "DaemongateGitCannotBePolled")
	check(t, os.Rename(here+"-away", here))
	check(t, s.client.Resource(syncs).Namespace("platform").Delete(t.Context(), "lost", metav1.DeleteOptions{}))
	s.isWell(t)
}

// sum is what a metric comes to of all series with a result.
func sum(samples []sample, metric, result string) (all float64) {
	for _, s := range samples {
		if s.labels.Get(labels.MetricName) == metric && s.labels.Get("result") == result {
			all += s.value
		}
	}
	return all
}

// receiverAway has the receiver be away for a minute, in which a commit rolls out and its pods are gone again. It hears
// of everything when it is back.
func (s *story) receiverAway(t *testing.T) {
	t.Helper()
	well := s.isWell(t)
	s.to.hears(t, s.told)
	s.to.goes(true)
	gone := time.Now()
	s.goesOut(t, "registry.local/agent:v8")
	s.fires(t, well, 75*time.Minute, "DaemongateNotificationsPileUp")
	lift := s.noPods(t)
	s.fires(t, well, 75*time.Minute, "DaemongateNotificationsPileUp", "DaemongateObjectsUnwell")
	clustertest.Until(t, 2*time.Minute, "a minute to be over", func() (string, bool) {
		return time.Since(gone).String(), time.Since(gone) > time.Minute
	})
	if tries := s.to.goes(false); tries == 0 {
		t.Error("nobody has tried to reach the receiver")
	}
	lift()
	s.goesOut(t, "registry.local/agent:v9")
	s.to.hears(t, s.told)
	s.isWell(t)
}

// noPods deletes the pods, and lets none be made before it is lifted.
func (s *story) noPods(t *testing.T) (lift func()) {
	t.Helper()
	quotas := s.kube.CoreV1().ResourceQuotas("platform")
	_, err := quotas.Create(t.Context(), &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "none"},
		Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("0")}}},
		metav1.CreateOptions{})
	check(t, err)
	clustertest.Until(t, time.Minute, "the quota", func() (string, bool) {
		q, err := quotas.Get(t.Context(), "none", metav1.GetOptions{})
		check(t, err)
		return "", len(q.Status.Hard) > 0
	})
	check(t, s.kube.CoreV1().Pods("platform").DeleteCollection(t.Context(), metav1.DeleteOptions{},
		metav1.ListOptions{}))
	return func() { check(t, quotas.Delete(t.Context(), "none", metav1.DeleteOptions{})) }
}

// waits has a stage wait for a person, who approves in the end.
func (s *story) waits(t *testing.T) {
	t.Helper()
	well := s.isWell(t)
	_, err := s.client.Resource(syncs).Namespace("platform").Patch(t.Context(), "agents", types.MergePatchType,
		[]byte(`{"spec":{"rollout":{"onDelete":"Pace","pace":{"stages":[{"name":"canary","approve":true,"nodes":`+
			`{"matchLabels":{"kubernetes.io/hostname":"node-001"}}}]}}}}`), metav1.PatchOptions{})
	check(t, err)
	commit := s.pushes(t, "registry.local/agent:v10")
	clustertest.Until(t, 3*time.Minute, "the stage to wait for an approval", func() (string, bool) {
		f := s.status(t).InFlight
		return fmt.Sprintf("%+v", f), f.Commit == commit && f.Stage != nil && f.Stage.WaitsFor == api.StageApproval
	})
	s.fires(t, well, 75*time.Minute, "DaemongateRolloutWaits")
	c := exec.CommandContext(t.Context(), binary, "promote", "agents", "-n", "platform", "--kubeconfig", s.Kubeconfig)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("promote: %v: %s", err, out)
	}
	s.comesTo(t, commit, api.Complete)
	_, err = s.client.Resource(syncs).Namespace("platform").Patch(t.Context(), "agents", types.MergePatchType,
		[]byte(`{"spec":{"rollout":{"onDelete":null,"pace":null}}}`), metav1.PatchOptions{})
	check(t, err)
	s.isWell(t)
}

// nobodyWrites has somebody else take the Lease: the controller that had it ends, and the other one waits. Then that
// one takes it, and in the end it is gone, too.
func (s *story) nobodyWrites(t *testing.T) {
	t.Helper()
	well := s.isWell(t)
	leases := s.kube.CoordinationV1().Leases(system)
	holds := func(who string) {
		clustertest.Until(t, time.Minute, "the Lease to be written", func() (string, bool) {
			l, err := leases.Get(t.Context(), "daemongate", metav1.GetOptions{})
			check(t, err)
			hour, now := int32(3600), metav1.NowMicro()
			l.Spec.HolderIdentity, l.Spec.LeaseDurationSeconds, l.Spec.RenewTime = &who, &hour, &now
			_, err = leases.Update(t.Context(), l, metav1.UpdateOptions{}) // the holder may have written meanwhile
			return fmt.Sprint(err), err == nil
		})
	}
	holds("somebody")
	s.fires(t, well, 75*time.Minute, "DaemongateNobodyStandsBy", "DaemongateNobodyWrites")
	holds("") // who has it lets go
	s.fires(t, well, 75*time.Minute, "DaemongateNobodyStandsBy")
	s.stop()
	s.fires(t, well, 75*time.Minute, "DaemongateIsAway")
}
