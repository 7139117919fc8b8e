package laws

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A run in which all went well breaks no law: two commits, the second one with another image and without a ConfigMap; the
// first controller dies in the second rollout, and the second one goes on.
func TestAGoodRunBreaksNoLaw(t *testing.T) {
	if found := check(t, goodRun(), nil); len(found) > 0 {
		t.Errorf("%q", found)
	}
}

// Every law is broken by a run in which one thing is different, and no other law is.
func TestEveryLawIsBrokenByARunThatBreaksIt(t *testing.T) {
	for name, c := range map[string]struct {
		law    string
		change func(*made)
	}{
		"the next commit takes off while one rolls out": {"one in flight", func(m *made) {
			m.drop("v1 is complete")
			m.drop("v1 is pruned")
			m.events["v2 takes off"] = status("a", "v2", "Applying", nil)
		}},
		"the older commit is applied while the newer one is in flight": {"one in flight", func(m *made) {
			m.after("apply v2", daemonSet("a", "v1", 2))
		}},
		"something is applied that no commit asks for": {"one in flight", func(m *made) {
			m.after("apply v2", daemonSet("a", "v7", 2))
		}},
		"a commit is applied twice": {"nothing twice", func(m *made) {
			m.after("apply v2", daemonSet("a", "v2", 3))
		}},
		"a commit is not told of": {"no commit forgotten", func(m *made) { m.line = append(m.line, "v3") }},
		"a commit between two others is not told of": {"no commit forgotten", func(m *made) {
			m.line = []string{"v1", "v1a", "v2"}
		}},
		"a held commit that was rewritten is not told of": {"no commit forgotten", func(m *made) {
			m.after("v2 takes off", status("a", "v2", "Applying", []string{"v1 Complete"}, "gone"))
		}},
		"a complete commit is told to be stuck": {"no commit forgotten", func(m *made) {
			m.after("v2 is complete", status("b", "v2", "Complete", []string{"v2 Complete", "v1 Stuck"}))
			m.drop("v2 is pruned")
		}},
		"a commit is complete without its pod on one node": {"no false success", func(m *made) {
			m.drop("pod of v2 on two is ready")
		}},
		"a commit is complete while a pod leaves": {"no false success", func(m *made) {
			m.after("pod of v2 on two is ready", podDeleted("v2", "two"))
		}},
		"a commit is complete while a pod is not Ready any more": {"no false success", func(m *made) {
			m.after("pod of v2 on two is ready", podStatus("v2", "two", false))
		}},
		"somebody else's object is deleted": {"nothing else deleted", func(m *made) {
			m.after("prune drop", deleted("b", "configmaps", "theirs", "uid-theirs"))
		}},
		"an object that the commit asks for is deleted": {"nothing else deleted", func(m *made) {
			m.after("prune drop", deleted("b", "daemonsets", "agent", "uid-agent"))
		}},
		"an object is deleted, whichever it is": {"preconditions", func(m *made) {
			m.drop("prune drop")
			m.after("v2 is complete", deleted("b", "configmaps", "drop", ""))
		}},
		"a status is written over whatever is there": {"preconditions", func(m *made) {
			m.find("v2 is complete")["requestObject"] = map[string]any{}
		}},
		"an object is applied over whatever is there": {"preconditions", func(m *made) {
			m.find("apply v2")["requestObject"] = map[string]any{}
		}},
		"the one that was replaced writes": {"one writer", func(m *made) {
			m.after("b leads", status("a", "v2", "Applying", []string{"v1 Complete"}))
			m.after("pod of v1 on one leaves", status("a", "v2", "Applying", []string{"v1 Complete"}))
		}},
		"the one that was replaced applies again and again": {"one writer", func(m *made) {
			m.after("b leads", daemonSet("a", "v2", 2))
			m.after("pod of v1 on one leaves", daemonSet("a", "v2", 2))
		}},
		"a write that comes late undoes what came after it": {"one in flight", func(m *made) {
			m.after("b leads", daemonSet("a"+m.sentBefore("b leads"), "v1", 2))
		}},
		"one of the one that was replaced left it later": {"one writer", func(m *made) {
			m.after("b leads", daemonSet("a"+m.sentBefore("pod of v1 on one leaves"), "v2", 2))
		}},
		"the one that woke up goes on": {"one writer", func(m *made) {
			m.after("b leads", status("a"+m.sentBefore("pod of v1 on one leaves")+" woken", "v2", "Applying",
				[]string{"v1 Complete"}))
			m.after("pod of v1 on one leaves", status("a", "v2", "Applying", []string{"v1 Complete"}))
		}},
		"something is written before anybody holds the Lease": {"one writer", func(m *made) { m.drop("a leads") }},
		"something is written although nothing happens": {"silence", func(m *made) {
			m.after("silence", status("b", "v2", "Complete", []string{"v2 Complete", "v1 Complete"}))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			found := check(t, goodRun(), c.change)
			if len(found) == 0 {
				t.Fatalf("%s is not broken", c.law)
			}
			for _, v := range found {
				if v.Law != c.law {
					t.Errorf("%s is broken, not only %s: %s", v.Law, c.law, v.Text)
				}
			}
		})
	}
}

// What a run may do is no violation: a stuck commit that heals, an object that is written as it is, a write that is
// refused, one that had reached the API server before the Lease changed hands, a rollback.
func TestWhatARunMayDo(t *testing.T) {
	for name, change := range map[string]func(*made){
		"a Sync begins later": func(m *made) { m.line = []string{"v0", "v1", "v2"} },
		"a stuck commit heals": func(m *made) {
			m.after("apply v2", status("a", "v2", "Stuck", []string{"v2 Stuck", "v1 Complete"}))
		},
		"an object is written as it is": func(m *made) {
			again := daemonSet("b", "v2", 2)
			m.after("b leads", again)
			again["responseObject"].(map[string]any)["metadata"].(map[string]any)["resourceVersion"] = m.revisionOf("apply v2")
		},
		"an object is written as it is, after a write that came to pass although its answer was an error": func(m *made) {
			lost := configMap("a", "keep")
			lost["responseStatus"] = map[string]any{"code": 504}
			m.after("apply v2", lost)
			again := configMap("b", "keep")
			m.after("b leads", again)
			again["responseObject"].(map[string]any)["metadata"].(map[string]any)["resourceVersion"] = m.revisionOf("after apply v2")
		},
		"a write is refused": func(m *made) {
			late := daemonSet("a", "v1", 3)
			late["responseStatus"] = map[string]any{"code": 409}
			m.after("b leads", late)
		},
		"a write was under way": func(m *made) {
			late := status("a", "v2", "RollingOut", []string{"v1 Complete"})
			m.after("b leads", late)
			late["early"] = true
		},
		"writes come late, and do no harm": func(m *made) {
			m.after("b leads", status("a"+m.sentBefore("b leads"), "v2", "RollingOut", []string{"v1 Complete"}))
			m.after("pod of v1 on one leaves", daemonSet("a"+m.sentBefore("b leads"), "v2", 2))
		},
		"one that stood still was about to write": func(m *made) {
			m.after("b leads", status("a"+m.sentBefore("pod of v1 on one leaves")+" woken", "v2", "RollingOut",
				[]string{"v1 Complete"}))
		},
		"a dry run asks": func(m *made) {
			ask := daemonSet("a", "v7", 3)
			ask["requestURI"] = "/apis/apps/v1/namespaces/platform/daemonsets/agent?dryRun=All"
			m.after("b leads", ask)
		},
		"the API server died before it wrote down that a commit takes off": func(m *made) {
			m.find("v2 takes off")["stage"] = "RequestReceived"
		},
		"the API server died before it wrote down that a pod is ready": func(m *made) {
			m.find("pod of v2 on two is ready")["stage"] = "RequestReceived"
		},
	} {
		t.Run(name, func(t *testing.T) {
			if found := check(t, goodRun(), change); len(found) > 0 {
				t.Errorf("%q", found)
			}
		})
	}
}

// A line that the death of the API server has torn is left out, and the next one, in the same line, is not.
func TestATornLineIsLeftOut(t *testing.T) {
	whole := `{"kind":"Event","auditID":"1","stage":"ResponseComplete","verb":"update","objectRef":{"resource":"syncs",` +
		`"namespace":"a","name":"b"},"responseObject":{"metadata":{"resourceVersion":"7"}}}`
	for in, want := range map[string]int{
		whole:                           1,
		whole[:90] + whole:              1,
		whole + "\n" + whole[:90]:       1,
		whole[:90] + whole + "\n":       1,
		"":                              0,
		whole + "\n" + whole + "\n\n":   -1,
		"this is no audit log at all\n": -1,
	} {
		l, err := ReadLog(strings.NewReader(in))
		if want < 0 {
			if err == nil {
				t.Errorf("%q is read without an error", in)
			}
		} else if err != nil || len(l.writes) != want {
			t.Errorf("%q: %v %v", in, l, err)
		}
	}
}

// A repository's history is read as it is: the line of first parents, and what every commit asks for, also the one
// that was rewritten.
func TestAHistoryIsRead(t *testing.T) {
	dir := t.TempDir()
	run := func(args ...string) string {
		c := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=Ada", "-c", "user.email=ada@example.com"},
			args...)...)
		c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null")
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	commit := func(how ...string) string {
		run("add", "-A")
		run(append([]string{"commit", "-q", "-m", "change"}, how...)...)
		return run("rev-parse", "HEAD")
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run("init", "-q", "-b", "main")
	write("keep.yaml", "kind: ConfigMap\nmetadata: {name: keep}\ndata: {a: b}\n")
	first := commit()
	write("broken.yaml", "kind: [")
	rewritten := commit()
	write("README.md", "kind: Nothing\n")
	second := commit("--amend")
	h, err := ReadHistory(context.Background(), filepath.Join(dir, ".git"), "main")
	if err != nil || !slices.Equal(h.Line, []string{first, second}) {
		t.Fatalf("%+v %v", h, err)
	}
	for _, c := range []string{first, rewritten, second} {
		if o := h.find(c, "ConfigMap", "keep"); len(h.Sets[c]) != 1 || text(o, "data", "a") != "b" {
			t.Errorf("%s asks for %v", c, h.Sets[c])
		}
	}
}

// made is an audit log as it is made up here.
type made struct {
	t      *testing.T
	names  []string
	events map[string]map[string]any
	line   []string
}

func (m *made) add(name string, e map[string]any) {
	m.names = append(m.names, name)
	m.events[name] = e
}

func (m *made) find(name string) map[string]any {
	if m.events[name] == nil {
		m.t.Fatalf("there is no %q", name)
	}
	return m.events[name]
}

func (m *made) drop(name string) {
	m.find(name)
	m.names = slices.DeleteFunc(m.names, func(n string) bool { return n == name })
}

func (m *made) after(name string, e map[string]any) {
	m.find(name)
	more := "after " + name
	m.events[more] = e
	m.names = slices.Insert(m.names, slices.Index(m.names, name)+1, more)
}

func (m *made) revisionOf(name string) string {
	return fmt.Sprint(10 * (1 + slices.Index(m.names, name)))
}

// sentBefore is what stands behind the name of a process that sent something just before an event was over.
func (m *made) sentBefore(name string) string {
	m.find(name)
	at := begin.Add(time.Duration(slices.Index(m.names, name))*time.Second - 20*time.Millisecond)
	return " sent/" + at.Format(time.RFC3339Nano)
}

// begin is the time of the first event; the next ones come a second later each.
var begin = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// text is the log as an API server writes it.
func (m *made) text() (log string, silent time.Time) {
	var lines strings.Builder
	for i, name := range m.names {
		e := m.find(name)
		at := begin.Add(time.Duration(i) * time.Second)
		if name == "silence" {
			silent = at
			continue
		}
		received := at.Add(-10 * time.Millisecond)
		if e["early"] != nil {
			received = at.Add(-1500 * time.Millisecond)
		}
		e["kind"], e["auditID"], e["requestReceivedTimestamp"], e["stageTimestamp"] = "Event", name, received, at
		if e["stage"] == nil {
			e["stage"] = "ResponseComplete"
		}
		if o, ok := e["responseObject"].(map[string]any); ok {
			if metadata, ok := o["metadata"].(map[string]any); ok && metadata["resourceVersion"] == nil {
				metadata["resourceVersion"] = m.revisionOf(name)
			}
		}
		line, err := json.Marshal(e)
		if err != nil {
			m.t.Fatal(err)
		}
		lines.WriteString(`{"kind":"Event",` + strings.TrimPrefix(string(line), "{") + "\n")
	}
	return lines.String(), silent
}

func check(t *testing.T, m *made, change func(*made)) []Violation {
	t.Helper()
	m.t = t
	if change != nil {
		change(m)
	}
	log, silent := m.text()
	l, err := ReadLog(strings.NewReader(log))
	if err != nil {
		t.Fatal(err)
	}
	agent := func(image string) map[string]any {
		return map[string]any{"kind": "DaemonSet", "metadata": map[string]any{"name": "agent"}, "spec": map[string]any{
			"template": template(image)}}
	}
	drop := map[string]any{"kind": "ConfigMap", "metadata": map[string]any{"name": "drop"}}
	return Check(Run{Namespace: "platform", Name: "agents", LeaseNamespace: "daemongate-system", LeaseName: "daemongate",
		Nodes: []string{"one", "two"}, Controllers: "chaos/", Silent: silent}, l,
		&History{Line: m.line, Sets: map[string][]map[string]any{"v1": {agent("v1"), drop}, "v2": {agent("v2")}}})
}

// goodRun is one in which all goes well.
func goodRun() *made {
	m := &made{events: map[string]map[string]any{}, line: []string{"v1", "v2"}}
	m.add("a leads", leads("a"))
	m.add("v1 takes off", status("a", "v1", "Applying", nil))
	m.add("apply drop", configMap("a", "drop"))
	m.add("apply v1", daemonSet("a", "v1", 1))
	m.add("pod of v1 on one is ready", podStatus("v1", "one", true))
	m.add("pod of v1 on two is ready", podStatus("v1", "two", true))
	m.add("v1 is complete", status("a", "v1", "Complete", []string{"v1 Complete"}))
	m.add("v1 is pruned", status("a", "v1", "Complete", []string{"v1 Complete"}))
	m.add("v2 takes off", status("a", "v2", "Applying", []string{"v1 Complete"}))
	m.add("apply v2", daemonSet("a", "v2", 2))
	m.add("b leads", leads("b"))
	m.add("pod of v1 on one leaves", podDeleted("v1", "one"))
	m.add("pod of v2 on one is ready", podStatus("v2", "one", true))
	m.add("pod of v1 on two leaves", podDeleted("v1", "two"))
	m.add("pod of v2 on two is ready", podStatus("v2", "two", true))
	m.add("v2 is complete", status("b", "v2", "Complete", []string{"v2 Complete", "v1 Complete"}))
	m.add("prune drop", deleted("b", "configmaps", "drop", "uid-drop"))
	m.add("v2 is pruned", status("b", "v2", "Complete", []string{"v2 Complete", "v1 Complete"}))
	m.add("silence", map[string]any{})
	m.add("b renews", leads("b"))
	return m
}

func of(resource, sub, namespace, name string) map[string]any {
	return map[string]any{"resource": resource, "subresource": sub, "namespace": namespace, "name": name}
}

func leads(agent string) map[string]any {
	return map[string]any{"verb": "update", "userAgent": "chaos/" + agent,
		"objectRef":      of("leases", "", "daemongate-system", "daemongate"),
		"responseObject": map[string]any{"metadata": map[string]any{}, "spec": map[string]any{"holderIdentity": "host_1_" + agent}}}
}

// status is one that tells of a history, in lines "commit state", and of held commits.
func status(agent, commit, state string, history []string, held ...string) map[string]any {
	records := []any{}
	for _, h := range history {
		commit, state, _ := strings.Cut(h, " ")
		records = append(records, map[string]any{"commit": commit, "state": state})
	}
	return map[string]any{"verb": "update", "userAgent": "chaos/" + agent,
		"objectRef":     of("syncs", "status", "platform", "agents"),
		"requestObject": map[string]any{"metadata": map[string]any{"resourceVersion": "1"}},
		"responseObject": map[string]any{"metadata": map[string]any{}, "status": map[string]any{"history": records,
			"inFlight": map[string]any{"commit": commit, "state": state}, "held": map[string]any{"commits": held}}}}
}

func template(image string) map[string]any {
	return map[string]any{"metadata": map[string]any{"labels": map[string]any{"app": "agent"}},
		"spec": map[string]any{"containers": []any{map[string]any{"name": "agent", "image": image}}}}
}

func daemonSet(agent, image string, generation int) map[string]any {
	return map[string]any{"verb": "patch", "userAgent": "chaos/" + agent,
		"objectRef":     of("daemonsets", "", "platform", "agent"),
		"requestObject": map[string]any{"metadata": map[string]any{"resourceVersion": "1"}},
		"responseObject": map[string]any{"kind": "DaemonSet", "metadata": map[string]any{"name": "agent",
			"uid": "uid-agent", "generation": generation}, "spec": map[string]any{"template": template(image)}}}
}

func configMap(agent, name string) map[string]any {
	return map[string]any{"verb": "patch", "userAgent": "chaos/" + agent, "objectRef": of("configmaps", "", "platform", name),
		"requestObject":  map[string]any{"metadata": map[string]any{"resourceVersion": "1"}},
		"responseObject": map[string]any{"kind": "ConfigMap", "metadata": map[string]any{"name": name}}}
}

func aPod(image, node string, ready bool) map[string]any {
	is := map[bool]string{true: "True", false: "False"}[ready]
	t := template(image)
	t["spec"].(map[string]any)["nodeName"] = node
	t["metadata"].(map[string]any)["name"] = "agent-" + image + node
	t["kind"] = "Pod"
	t["status"] = map[string]any{"conditions": []any{map[string]any{"type": "Ready", "status": is}}}
	return t
}

func podStatus(image, node string, ready bool) map[string]any {
	return map[string]any{"verb": "patch", "userAgent": "kubelet",
		"objectRef": of("pods", "status", "platform", "agent-"+image+node), "responseObject": aPod(image, node, ready)}
}

func podDeleted(image, node string) map[string]any {
	p := aPod(image, node, true)
	p["metadata"].(map[string]any)["deletionTimestamp"] = "2026-03-01T12:00:00Z"
	return map[string]any{"verb": "delete", "userAgent": "kube-controller-manager",
		"objectRef": of("pods", "", "platform", "agent-"+image+node), "responseObject": p}
}

func deleted(agent, resource, name, uid string) map[string]any {
	e := map[string]any{"verb": "delete", "userAgent": "chaos/" + agent, "objectRef": of(resource, "", "platform", name),
		"responseObject": map[string]any{"kind": "Status", "metadata": map[string]any{}}}
	if uid != "" {
		e["requestObject"] = map[string]any{"preconditions": map[string]any{"uid": uid}}
	}
	return e
}
