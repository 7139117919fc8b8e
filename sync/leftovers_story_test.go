package sync

import (
	"slices"
	"strings"
	gosync "sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// listener notes warnings while a controller runs.
type listener struct {
	teller
	mu       gosync.Mutex
	warnings []string
}

func (l *listener) Tell(s *api.Sync, n News) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n.Kind == NewsWarning {
		l.warnings = append(l.warnings, n.Message.Private)
	}
	l.teller.Tell(s, n)
}

func (l *listener) about(word string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.warnings), func(text string) bool { return !strings.Contains(text, word) })
}

// A ConfigMap of another tool comes under Git with apply.force. What the tool keeps on it is told once: not again when
// the tool writes on and is corrected, nor after a restart; what it adds later is. No value is told.
func TestLeftoversOfAnotherToolAreToldOnce(t *testing.T) {
	w := newWorld(t)
	t.Parallel() // it mostly waits
	_, err := w.kube.CoreV1().ConfigMaps(w.namespace).Create(t.Context(),
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "config"},
			Data: map[string]string{"key": "hidden-1", "other": "hidden-2", "extra": "hidden-3"}},
		metav1.CreateOptions{FieldManager: "tool"})
	w.check(err)
	v1 := w.push("v1", map[string]string{"config.yaml": strings.Replace(configMap("config", "1"), "\ndata: {",
		"\ndata: {other: git, third: git, ", 1)})
	w.create(func(s *api.SyncSpec) { s.Apply.Force = true })
	data, heard := t.TempDir(), &listener{teller: teller{t}}
	run := func() (stop func()) {
		c := w.newController(w.namespace, shared.Config, data)
		c.Teller = heard
		return w.start(c)
	}
	stop := run()
	w.waitFor(v1, api.Complete)
	w.until("the warning", func() bool { return len(heard.about("apply.force")) > 0 }) // told when the status is written
	told := heard.about("apply.force")
	if len(told) != 1 || !strings.Contains(told[0], "ConfigMap "+w.namespace+"/config") ||
		!strings.Contains(told[0], " tool,") ||
		!strings.Contains(told[0], ": data.extra:") || strings.Contains(told[0], "hidden") {
		t.Fatalf("told %q", told)
	}
	w.edit("tool", "ConfigMap", "config", `{"data":{"key":"hidden-4"}}`)
	w.corrected(1)
	stop()
	defer run()()
	w.edit("tool", "ConfigMap", "config", `{"data":{"other":"hidden-5"}}`)
	w.corrected(2)
	if again := heard.about("apply.force"); len(again) != 1 {
		t.Errorf("told again: %q", again)
	}
	w.edit("tool", "ConfigMap", "config", `{"data":{"third":"hidden-6","more":"hidden-7"}}`)
	w.corrected(3)
	w.until("the news", func() bool { return len(heard.about("apply.force")) > 1 })
	told = heard.about("apply.force")
	if len(told) != 2 || !strings.Contains(told[1], "data.extra, data.more") {
		t.Errorf("told %q", told)
	}
}
