package child

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/remembered"
)

// conversation is one job of a child, from the parent's side.
type conversation struct {
	*process
	job     job
	tree    *gitsource.Tree
	options render.Options
	limits  Limits
	began   atomic.Pointer[spentFunc] // since the child began to render; nil before
	opened  []*gitsource.Tree
	memory  remembered.TenantMemory // of this and other children's groups, of the same tenant
	again   atomic.Bool             // the child can do another job
}

// outcome is what a render came to.
type outcome struct {
	result render.Result
	err    error
}

// run has the child do the job, within its limits.
func (c *conversation) run(ctx context.Context) (render.Result, error) {
	done := make(chan outcome, 1)
	go func() {
		result, err := c.converse(ctx)
		done <- outcome{result, err}
	}()
	out := await(ctx, c.job.Folder, c.limits.Timeout, done, c.used)
	return out.result, out.err
}

// used is how much processor time the child has taken for the job: what it took before, to make itself ready, does not
// count.
func (c *conversation) used() (time.Duration, bool) {
	if spent := c.began.Load(); spent != nil {
		return (*spent)()
	}
	return 0, true
}

// mostAnswer is how many bytes a child may answer with, beside its objects: paths and warnings.
const mostAnswer = 64 << 20

// converse sends the job, replies to what is asked, and takes the answer in.
func (c *conversation) converse(ctx context.Context) (result render.Result, err error) {
	if err := c.send(letter{Job: &c.job}); err != nil {
		return result, c.lost(c.job.Folder, c.limits.Memory)
	}
	limited := &io.LimitedReader{R: c.out, N: 3*c.options.MostWritten() + mostAnswer} // kept by each of two tries, too
	from := json.NewDecoder(limited)
	for {
		var m message
		if err := from.Decode(&m); err != nil {
			return result, c.unanswered(err, limited.N <= 0)
		}
		switch {
		case m.Began && c.began.Load() == nil:
			spent := processClock(c.command.Process.Pid)
			c.began.Store(&spent)
		case m.Ask != nil:
			r := c.reply(ctx, *m.Ask)
			if err := c.send(letter{Reply: &r}); err != nil {
				return result, c.lost(c.job.Folder, c.limits.Memory)
			}
		case m.Recall != nil:
			if err := c.send(letter{Reply: &reply{Known: c.memory.Recall(m.Recall)}}); err != nil {
				return result, c.lost(c.job.Folder, c.limits.Memory)
			}
		case m.Keep != nil:
			c.memory.Keep(m.Keep.Digest, m.Keep.Objects)
		case m.Object != nil:
			object := &unstructured.Unstructured{}
			if err := object.UnmarshalJSON(m.Object); err != nil {
				return result, c.unanswered(err, false)
			}
			result.Objects = append(result.Objects, object)
		case m.Answer != nil:
			return c.answered(result, m.Answer)
		default:
			return result, c.unanswered(errNothing, false)
		}
	}
}

var errNothing = errors.New("a message with nothing in it")

// unheard reports whether the child had ended before it heard of the job, such as one in reserve that somebody killed.
func (c *conversation) unheard(err error) bool {
	var lost *LostError
	return errors.As(err, &lost) && c.began.Load() == nil
}

// mayGoOn reports whether the child can do another job of its tenant, if it has one.
func (c *conversation) mayGoOn(err error) bool {
	return err == nil && c.again.Load() && c.limits.Tenant != ""
}

// unanswered is why there is no answer that could be read.
func (c *conversation) unanswered(err error, tooLong bool) error {
	switch {
	case tooLong:
		return &LostError{Folder: c.job.Folder, Reason: "it answers with more than a render can come to"}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return c.lost(c.job.Folder, c.limits.Memory)
	}
	return &LostError{Folder: c.job.Folder, Reason: "its answer cannot be read: " + err.Error()}
}

func (c *conversation) answered(result render.Result, a *answer) (render.Result, error) {
	result.Read, result.Warnings, result.Dropped = a.Read, a.Warnings, a.Dropped
	c.again.Store(a.Again && a.Problem == nil)
	for _, folder := range a.Damaged {
		for _, tree := range append(c.opened, c.tree) {
			if place, _ := tree.Place(); place.Mirror == folder {
				tree.Doubt()
			}
		}
	}
	return result, a.Problem.error()
}

// reply opens a commit of another repository, and says where it is.
func (c *conversation) reply(ctx context.Context, q question) reply {
	tree, err := c.open(ctx, q)
	if err != nil {
		return reply{Problem: err.Error(), Invalid: errors.Is(err, fs.ErrInvalid)}
	}
	place, ok := tree.Place()
	if !ok {
		return reply{Problem: fmt.Sprintf("commit %s of %s: is in no mirror", q.Commit, q.URL)}
	}
	c.opened = append(c.opened, tree)
	return reply{Place: place}
}

func (c *conversation) open(ctx context.Context, q question) (*gitsource.Tree, error) {
	switch {
	case q.Submodule:
		return c.tree.Submodule(q.URL, q.Commit)
	case c.options.Base == nil:
		return nil, errors.New("remote bases are not allowed")
	}
	files, err := c.options.Base(ctx, q.URL, q.Commit)
	if err != nil {
		return nil, err
	}
	tree, ok := files.(*gitsource.Tree)
	if !ok {
		return nil, fmt.Errorf("commit %s: is in no mirror", q.Commit)
	}
	return tree, nil
}
