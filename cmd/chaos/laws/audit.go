// Package laws reads what an API server has written down of a run, and what stands in the Git repository, and finds
// what broke a law. It shares no code with what it checks: the words of a status, of an object and of a commit are read
// here anew. All of it is pure but ReadHistory, which asks git.
package laws

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// event is a line of an audit log, as far as it is read.
type event struct {
	AuditID    string `json:"auditID"`
	Stage      string `json:"stage"`
	Verb       string `json:"verb"`
	RequestURI string `json:"requestURI"`
	UserAgent  string `json:"userAgent"`
	ObjectRef  struct {
		Resource, Subresource, Namespace, Name, APIGroup string
	} `json:"objectRef"`
	ResponseStatus struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
	RequestObject            map[string]any `json:"requestObject"`
	ResponseObject           map[string]any `json:"responseObject"`
	RequestReceivedTimestamp time.Time      `json:"requestReceivedTimestamp"`
	StageTimestamp           time.Time      `json:"stageTimestamp"`
}

// write is a request that wrote something.
type write struct {
	agent                     string // whose it is
	verb                      string
	resource, sub             string
	namespace, name           string
	left                      time.Time      // its process
	received, done            time.Time      // by the API server
	woken                     bool           // its process stood still just before
	sent, object              map[string]any // what was sent, and what it came to
	revision                  int64          // of the cluster after it
	changed                   bool           // and not only repeated what is there
	refusedWith               int            // the status code of a refusal
	generation, generationWas int64          // of the object after it and before it; 0 if it is unknown, or none
}

// Log is what an audit log says: the writes in the order in which the cluster took them, and those of which it does not
// say how they ended, because the API server was killed.
type Log struct{ writes, lost []write }

// ReadLog reads an audit log. A line that was cut off by the end of the API server is left out.
func ReadLog(in io.Reader) (*Log, error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 64<<20)
	open, l := map[string]event{}, &Log{}
	for n := 1; lines.Scan(); n++ {
		e, err := parse(lines.Bytes())
		if err != nil {
			return nil, fmt.Errorf("line %d of the audit log: %w", n, err)
		}
		switch {
		case e == nil || strings.Contains(e.RequestURI, "dryRun="):
		case e.Stage == "RequestReceived":
			open[e.AuditID] = *e
		case e.Stage == "ResponseComplete":
			delete(open, e.AuditID)
			l.writes = append(l.writes, writeOf(e))
		}
	}
	for _, e := range open {
		l.lost = append(l.lost, writeOf(&e))
	}
	l.order()
	return l, lines.Err()
}

// parse reads a line. One that was torn has the next one, of another process, behind it.
func parse(line []byte) (*event, error) {
	var e event
	err := json.Unmarshal(line, &e)
	if err == nil {
		return &e, nil
	}
	next := bytes.LastIndex(line, []byte(`{"kind":"Event"`))
	if next <= 0 {
		if bytes.HasPrefix(line, []byte(`{"kind":"Event"`)) {
			return nil, nil // the last one
		}
		return nil, err
	}
	return parse(line[next:])
}

func writeOf(e *event) write {
	w := write{verb: e.Verb, resource: e.ObjectRef.Resource, sub: e.ObjectRef.Subresource,
		namespace: e.ObjectRef.Namespace, name: e.ObjectRef.Name, received: e.RequestReceivedTimestamp,
		done: e.StageTimestamp, sent: e.RequestObject, object: e.ResponseObject}
	w.signed(e.UserAgent)
	if w.name == "" { // of one that the API server named
		w.name = text(w.object, "metadata", "name")
	}
	if e.ResponseStatus.Code >= 300 {
		w.refusedWith = e.ResponseStatus.Code
	}
	return w
}

// signed reads whose a write is, and when it left its process. The way to the API server writes that behind the name:
// "name sent/2026-03-01T12:00:00Z", and " woken" if the process stood still just before.
func (w *write) signed(agent string) {
	w.agent, w.left = agent, w.received
	name, rest, ok := strings.Cut(agent, " sent/")
	if !ok {
		return
	}
	at, woken := strings.CutSuffix(rest, " woken")
	if left, err := time.Parse(time.RFC3339Nano, at); err == nil {
		w.agent, w.left, w.woken = name, left, woken
	}
}

// order sorts the writes by the revision of the cluster that they came to, which is one sequence for all objects. What
// has none, such as the end of an object, stays behind what was written down before it.
func (l *Log) order() {
	var newest int64
	for i := range l.writes {
		w := &l.writes[i]
		if w.refusedWith == 0 {
			w.revision, _ = strconv.ParseInt(text(w.object, "metadata", "resourceVersion"), 10, 64)
		}
		if w.revision == 0 {
			w.revision = newest
		}
		newest = max(newest, w.revision)
	}
	slices.SortStableFunc(l.writes, func(a, b write) int { return int(a.revision - b.revision) })
	l.compare()
}

// compare finds out which writes changed something: an object that was written as it was keeps its revision. It may
// have it of a write of which the log does not tell, whose answer was an error although it came to pass.
func (l *Log) compare() {
	type last struct{ revision, generation int64 }
	seen, before := map[string]last{}, l.revisionsBefore()
	for i := range l.writes {
		w := &l.writes[i]
		if w.refusedWith != 0 {
			continue
		}
		key := w.resource + "/" + w.namespace + "/" + w.name
		was := seen[key]
		w.changed = w.verb == "delete" || w.revision > max(was.revision, before(w.received))
		w.generationWas, w.generation = was.generation, number(w.object, "metadata", "generation")
		if w.generation == 0 {
			w.generation = was.generation
		}
		seen[key] = last{w.revision, w.generation}
		if gone(w) {
			delete(seen, key)
		}
	}
}

// revisionsBefore tells the newest revision of the cluster that was known before a time. Whatever was asked for later
// and changed something has a newer one.
func (l *Log) revisionsBefore() func(time.Time) int64 {
	done := slices.Clone(l.writes)
	slices.SortFunc(done, func(a, b write) int { return a.done.Compare(b.done) })
	var newest int64
	for i := range done {
		newest = max(newest, done[i].revision)
		done[i].revision = newest
	}
	return func(t time.Time) int64 {
		n, _ := slices.BinarySearchFunc(done, t, func(w write, t time.Time) int { return w.done.Compare(t) })
		if n == 0 {
			return 0
		}
		return done[n-1].revision
	}
}

// gone reports whether a write was the end of an object, and not only the wish for it.
func gone(w *write) bool {
	return w.verb == "delete" && at(w.object, "metadata", "deletionTimestamp") == nil
}
