package sync

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/discreet"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/summary"
)

// canary stands for a node's name, and for what a container said.
const canary = "canary"

// fill writes the canary into every text of a value, however deep, and one entry into every list.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(canary)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		if _, is := v.Interface().(time.Time); is {
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	}
}

// found are the texts of a value, by the path to them, in which the canary stands.
func found(t *testing.T, v any) string {
	t.Helper()
	raw := must(json.Marshal(v))
	if strings.Contains(string(raw), canary) {
		return string(raw)
	}
	return ""
}

// full is a judgement in which every text that may be about a single node is the canary. What is of the commit's own
// is not: the object, a cause's code, its container and what it is about.
func full() (rollout.Judgement, rollout.Memory, []*corev1.Node) {
	var j rollout.Judgement
	fill(reflect.ValueOf(&j).Elem())
	j.Verdict, j.Object = rollout.Stuck, ""
	var n rollout.Node
	fill(reflect.ValueOf(&n).Elem())
	n.State, n.Cause = rollout.IsFailing, rollout.CrashLoop
	j.Nodes = rollout.NodeList{}.And([]rollout.Node{n}).With(rollout.NewUnwanted([]string{canary},
		func(int) string { return canary }))
	j.Causes[0].Code, j.Causes[0].Container, j.Causes[0].About = rollout.CrashLoop, "agent", "container agent, exit code 3"
	var m rollout.Memory
	fill(reflect.ValueOf(&m).Elem())
	m.Hash = "h"
	m.Since = map[string]time.Time{"CrashLoop/" + canary: time.Unix(1, 0)}
	m.Killed = map[string]rollout.Killed{"uid-of-a-pod/agent": {By: "liveness"}}
	m.Brake[0].Code, m.Brake[0].Container, m.Brake[0].About = rollout.CrashLoop, "agent", "exit code 3"
	for node, r := range m.Rejected {
		r.UID, r.Reason = "uid-of-a-pod", "Evicted"
		m.Rejected[node] = r
	}
	for node, e := range m.Ended {
		e.UID, e.Container, e.Reason = "uid-of-a-pod", "agent", "Error"
		m.Ended[node] = e
	}
	for node := range m.Boots {
		m.Boots[node] = "id-of-a-boot"
	}
	return j, m, []*corev1.Node{{ObjectMeta: metav1.ObjectMeta{Name: canary, UID: "uid-of-a-node"}}}
}

// toldAs is what stands in a status of the full judgement.
func toldAs(t telling) (api.Workload, []api.Cause) {
	j, m, nodes := full()
	w := must(judgedWorkload(api.Workload{}, j, t.kept(m, nodes), 1, t))
	w.WasFailing = t.keptFailing([]rollout.FailingNode{{Node: canary}, {Node: canary + "-gone"}}, nodes)
	return w, causesOf(w, j, t)
}

// A Sync that tells counts alone keeps in its status nothing that is about a single node, in whichever field of a
// judgement it was; it still says how many nodes show which cause.
func TestCountsNameNoNodeAndQuoteNoProgram(t *testing.T) {
	w, causes := toldAs(telling{countsOnly: true})
	if text := found(t, w) + found(t, causes); text != "" {
		t.Error(text)
	}
	if c := causes[0]; c.Code != "CrashLoop" || c.NodeCount != 1 || !strings.Contains(c.Message, "exit code 3") ||
		!strings.Contains(c.Remedy, "daemongate explain") {
		t.Errorf("%+v", c)
	}
	if n := w.Nodes[0]; n.State != "Failing" || n.Count != 1 || !strings.Contains(w.Headline, "CrashLoop on 1") {
		t.Errorf("%+v", w)
	}
	w, causes = toldAs(telling{})
	for _, part := range []any{w.Headline, w.Nodes, w.Memory, w.WasFailing, causes[0].Nodes, causes[0].Message} {
		if found(t, part) == "" {
			t.Errorf("with details: %+v", part)
		}
	}
}

// What ails a workload of another kind is in its controller's words, and a DaemonSet's are counts.
func TestWhatAilsIsToldInOurWords(t *testing.T) {
	counts, other := telling{countsOnly: true}, api.Workload{Group: "apps", Kind: "Deployment"}
	agent := api.Workload{Group: "apps", Kind: "DaemonSet"}
	for _, c := range []struct{ got, want string }{
		{counts.ailing(other, canary), rollout.NotReady.Meaning()}, {counts.ailing(agent, "2 of 3"), "2 of 3"},
		{telling{}.ailing(other, canary), canary}, {telling{}.ailing(agent, "2 of 3"), "2 of 3"},
	} {
		if c.got != c.want {
			t.Errorf("told %q, want %q", c.got, c.want)
		}
	}
}

// What a restart goes on from is there all the same, under the names of the nodes.
func TestCountsForgetNothingThatIsDecidedBy(t *testing.T) {
	_, m, nodes := full()
	w, _ := toldAs(telling{countsOnly: true})
	target, memory, err := Recall(w)
	target, memory = byName(target, memory, rollout.Look{Nodes: nodes})
	if err != nil || memory.Ended[canary].Container != "agent" || len(memory.Lost) != 1 ||
		memory.Counted[0] != canary || memory.Mark != m.Mark {
		t.Errorf("recalled: %+v, %v", memory, err)
	}
	if len(target.FailingBefore) != 1 || target.FailingBefore[0].Node != canary {
		t.Errorf("recalled: %+v", target)
	}
}

// What is told of the brake and of a handover says how many nodes, and names them where the Sync may.
func TestNewsNameNodesWhereTheSyncDoes(t *testing.T) {
	s := &api.Sync{}
	news := func() []News {
		return []News{brakeNews(s, gate.BrakeOrder{Pull: true, Nodes: []string{canary}}),
			handoverNews(s, gate.HandoverOrder{Nodes: []string{canary}})}
	}
	for _, n := range news() {
		if found(t, n) == "" {
			t.Errorf("no name: %+v", n)
		}
	}
	s.Spec.Report.InCluster = api.TellCounts
	for _, n := range news() {
		if text := found(t, n); text != "" || !strings.Contains(n.Message.Private, "1 node") {
			t.Errorf("%+v", n)
		}
	}
}

// A commit that is refused for what it would do to the nodes is told to the readers of such a Sync as to everybody.
func TestARefusalAheadNamesNoNodeEither(t *testing.T) {
	why := &rollout.Cause{Code: rollout.NoEligibleNodes, About: "3 of 3 nodes", Message: canary, Remedy: canary}
	p := &preparation{placed: placed{Controller: &Controller{Now: time.Now}}, sync: &api.Sync{}}
	d := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "agent"}}
	if r := p.refusedAhead(&readySet{set: manifests.Set{}}, d, why); found(t, r.Problem) == "" || found(t, r.Problem.Public) != "" {
		t.Errorf("%+v", r.Problem)
	}
	p.sync.Spec.Report.InCluster = api.TellCounts
	if r := p.refusedAhead(&readySet{}, d, why); found(t, r.Problem) != "" || !strings.Contains(r.Problem.Private, "3 of 3") {
		t.Errorf("%+v", r.Problem)
	}
}

// When a Sync is asked to tell counts alone, what its status said of single nodes before goes with the next turn: of
// a rollout that has ended altogether, and of one under way all but what it must remember, which is put into another
// form by the next look. What everybody may be told stays.
func TestWhatWasToldOfNodesIsTakenBack(t *testing.T) {
	j, m, nodes := full()
	for _, state := range []api.CommitState{api.Complete, api.Stuck} {
		var s api.Sync
		fill(reflect.ValueOf(&s.Status.History).Elem())
		fill(reflect.ValueOf(&s.Status.Failed).Elem())
		s.Status.Ailing = &api.AilingStatus{Count: 1, Objects: []api.AilingObject{{Object: "Deployment n/d", Message: canary}}}
		w := must(judgedWorkload(api.Workload{Kind: "DaemonSet", Group: "apps"}, j, m, 1, telling{}))
		w.WasFailing = telling{}.keptFailing([]rollout.FailingNode{{Node: canary}}, nodes)
		said := api.Message{Private: canary, Public: "CrashLoop on 1 of 3 nodes"}
		s.Status.InFlight = &api.Flight{State: state, Message: said, Workloads: []api.Workload{w},
			Causes: causesOf(w, j, telling{}), Relapse: &api.Relapse{Message: said},
			RollbackOf: &api.StuckCommit{Message: said}, NoRollback: &api.FailedCommit{Message: canary}}
		s.Status.History = []api.Record{{Commit: "c", Message: said}}
		s.Status.Preflight = &api.PreflightStatus{Held: []string{"d"}, Reason: canary, Commit: "c", Warning: canary}
		s.Status.Held = api.HeldCommits{Count: 1, Newest: "d", Reason: canary, Commits: []string{"d"}}
		s.Status.Failed = []api.FailedCommit{{Commit: "c", Message: canary}}
		summary.Write(&s.Status, time.Now())
		before := s.Status.DeepCopy()
		if discreet.Withhold(&s); !reflect.DeepEqual(&s.Status, before) {
			t.Errorf("without being asked: %+v", s.Status)
		}
		s.Spec.Report.InCluster = api.TellCounts
		discreet.Withhold(&s)
		summary.Write(&s.Status, time.Now())
		if f := s.Status.InFlight; state != api.Complete {
			if found(t, f.Workloads[0].Memory) == "" || len(f.Workloads[0].WasFailing) != 1 {
				t.Errorf("%s: what the next look must know is forgotten: %+v", state, f.Workloads[0])
			}
			f.Workloads[0].Memory, f.Workloads[0].WasFailing = runtime.RawExtension{}, nil
		} else if _, memory, err := Recall(f.Workloads[0]); err != nil || memory.Hash != "h" || memory.Mark != m.Mark {
			t.Errorf("%+v, %v", memory, err)
		}
		if text := found(t, s.Status); text != "" {
			t.Errorf("%s: %s", state, text)
		}
		if s.Status.History[0].Private != "CrashLoop on 1 of 3 nodes" || s.Status.Detail != api.TellCounts ||
			s.Status.InFlight.Causes[0].NodeCount != 1 {
			t.Errorf("%s: %+v", state, s.Status)
		}
		s.Spec.Report.InCluster = api.TellDetails
		if discreet.Withhold(&s); s.Status.Detail != "" {
			t.Error("it still says that it tells counts alone")
		}
	}
}
