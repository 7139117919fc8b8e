package child

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"sync"

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

// Serve is the whole life of a child: it makes itself ready, waits for one job, renders, answers and returns the exit
// code. It ends as soon as its parent does.
func Serve(in io.Reader, out, errs io.Writer) (code int) {
	firstToGo()
	makeThreads()
	warm()
	decoder := json.NewDecoder(in)
	var j job
	if err := decoder.Decode(&j); err != nil {
		return 0 // the parent ended, or needs no child any longer
	}
	w := &worker{job: j, out: json.NewEncoder(out), replies: make(chan reply), mirrors: map[string]*gitsource.Tree{}}
	stop := make(chan struct{})
	defer close(stop)
	confine(j.Memory)
	exceeded := watchMemory(stop, j.Memory)
	orphaned, done := make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(orphaned)
		w.listen(decoder)
	}()
	go func() { done <- w.work() }()
	select {
	case err := <-done:
		if err == nil {
			return 0
		}
		fmt.Fprintln(errs, err)
	case <-exceeded:
		fmt.Fprintf(errs, "took more than %s of memory\n", size(j.Memory))
		return exitMemory
	case <-orphaned:
	}
	return 1
}

// worker does one job.
type worker struct {
	job     job
	out     *json.Encoder
	replies chan reply

	asking  sync.Mutex
	mirrors map[string]*gitsource.Tree // by folder: one tree of each mirror; nil if its commit cannot be read
}

// listen hands on replies until the parent ends.
func (w *worker) listen(from *json.Decoder) {
	for {
		var r reply
		if from.Decode(&r) != nil {
			return
		}
		w.replies <- r
	}
}

func (w *worker) work() error {
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
	return w.out.Encode(message{Answer: &answer{Read: result.Read, Warnings: result.Warnings, Dropped: result.Dropped,
		Problem: problemOf(err), Damaged: w.damaged()}})
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
