package child

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"runtime/debug"
	"sync"
	"time"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/render"
)

// argument is what a child is started with in place of a command.
const argument = "@render"

// Asked reports whether a process was started as a child. Who starts children must ask this first, and then do nothing
// but exit with what Serve returns.
func Asked(args []string) bool { return len(args) == 2 && args[1] == argument }

// exitMemory is the exit code of a child that took more memory than it may.
const exitMemory = 71

// mostJobs is how many jobs a child does, and mostLeft how many bytes more than before its first one it may hold
// between two: what a render leaves behind stays small.
const mostJobs, mostLeft = 32, 32 << 20

// Serve is the whole life of a child: it makes itself ready, waits for a job, renders and answers, as long as its jobs
// end well and leave little behind, and returns the exit code. All its jobs may take the same memory. It ends as soon
// as its parent does.
func Serve(in io.Reader, out, errs io.Writer) (code int) {
	firstToGo()
	w := &worker{out: json.NewEncoder(out), jobs: make(chan job, 1), replies: make(chan reply),
		orphaned: make(chan struct{})}
	stop := make(chan struct{})
	defer close(stop)
	go w.listen(json.NewDecoder(in))
	makeThreads()
	ready(w.jobs)
	var exceeded <-chan struct{}
	before := taken()
	for w.done = 1; ; w.done++ {
		if code, ended := w.wait(exceeded); ended {
			return code
		}
		if exceeded == nil {
			confine(w.job.Memory)
			exceeded = watchMemory(stop, w.job.Memory)
		}
		if code, ended := w.serve(exceeded, errs); ended {
			return code
		}
		if w.done == mostJobs || leaves(before) > mostLeft {
			return 0
		}
	}
}

// tidyAfter is when a child gives back what is free of its memory: if the next job has not come at once, it may be
// long in coming.
const tidyAfter = stay + stay/2

// wait waits for a job. It returns whether the process has to end instead, and the exit code.
func (w *worker) wait(exceeded <-chan struct{}) (code int, ended bool) {
	var tidy <-chan time.Time
	if w.done > 1 {
		tidy = time.After(tidyAfter)
	}
	for {
		select {
		case w.job = <-w.jobs:
			return 0, false
		case <-tidy:
			debug.FreeOSMemory()
		case <-exceeded:
			return exitMemory, true
		case <-w.orphaned:
			return 0, true // the parent ended, or needs no child any longer
		}
	}
}

// leaves is how many bytes more the process holds than before.
func leaves(before int64) int64 {
	if taken()-before > mostLeft {
		debug.FreeOSMemory()
	}
	return taken() - before
}

// serve does one job. It returns whether the process has to end with that, and the exit code.
func (w *worker) serve(exceeded <-chan struct{}, errs io.Writer) (code int, ended bool) {
	done := make(chan error, 1)
	go func() { done <- w.work() }()
	select {
	case err := <-done:
		if err == nil {
			return 0, !w.again
		}
		fmt.Fprintln(errs, err)
	case <-exceeded:
		fmt.Fprintf(errs, "took more than %s of memory\n", size(w.job.Memory))
		return exitMemory, true
	case <-w.orphaned:
	}
	return 1, true
}

// worker does one job after the other.
type worker struct {
	out      *json.Encoder
	jobs     chan job
	replies  chan reply
	orphaned chan struct{} // closed when the parent has ended

	job   job  // the present one
	done  int  // how many there were, with the present one
	again bool // the present one has ended well, and another one may follow

	asking  sync.Mutex
	mirrors map[string]*gitsource.Tree // by folder: one tree of each mirror; nil if its commit cannot be read
}

// listen hands on jobs and replies until the parent ends.
func (w *worker) listen(from *json.Decoder) {
	defer close(w.orphaned)
	for {
		var l letter
		if from.Decode(&l) != nil {
			return
		}
		switch {
		case l.Job != nil:
			w.jobs <- *l.Job
		case l.Reply != nil:
			w.replies <- *l.Reply
		default:
			return
		}
	}
}

func (w *worker) work() error {
	w.mirrors, w.again = map[string]*gitsource.Tree{}, false
	if err := w.out.Encode(message{Began: true}); err != nil {
		return err
	}
	result, err := w.render()
	for _, object := range result.Objects {
		content, err := object.MarshalJSON()
		if err != nil {
			return err
		}
		if err := w.out.Encode(message{Object: content}); err != nil {
			return err
		}
	}
	w.again = err == nil && w.done < mostJobs
	return w.out.Encode(message{Answer: &answer{Read: result.Read, Warnings: result.Warnings, Dropped: result.Dropped,
		Problem: problemOf(err), Damaged: w.damaged(), Again: w.again}})
}

func (w *worker) render() (render.Result, error) {
	tree, err := w.open(w.job.Place)
	if err != nil {
		return render.Result{}, &render.TreeError{Path: w.job.Folder, Err: err}
	}
	o := render.Options{FileSize: w.job.FileSize, TotalSize: w.job.TotalSize, Objects: w.job.Objects,
		Namespace: w.job.Namespace, Remembered: parentsMemory{w}}
	if w.job.Bases {
		o.Base = func(_ context.Context, url, commit string) (fs.FS, error) {
			return w.ask(question{URL: url, Commit: commit})
		}
	}
	return render.Build(context.Background(), tree, w.job.Folder, o)
}

// open opens the files of a commit, and remembers the mirror that they are in.
func (w *worker) open(p gitsource.Place) (*gitsource.Tree, error) {
	tree, err := gitsource.OpenPlace(p, func(url, commit string) (*gitsource.Tree, error) {
		return w.ask(question{URL: url, Commit: commit, Submodule: true})
	})
	if err != nil {
		tree = nil
	}
	w.mirrors[p.Mirror] = tree
	return tree, err
}

// ask has the parent fetch a commit of another repository, and opens it.
func (w *worker) ask(q question) (*gitsource.Tree, error) {
	w.asking.Lock()
	defer w.asking.Unlock()
	if err := w.out.Encode(message{Ask: &q}); err != nil {
		return nil, err
	}
	r := <-w.replies
	if r.Problem != "" {
		return nil, &replyError{r}
	}
	return w.open(r.Place)
}

func (w *worker) damaged() (mirrors []string) {
	for folder, tree := range w.mirrors {
		if tree == nil || tree.Damaged() { // its parent has just read that commit
			mirrors = append(mirrors, folder)
		}
	}
	return mirrors
}
