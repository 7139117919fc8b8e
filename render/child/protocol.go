package child

import (
	"encoding/json"
	"errors"
	"io/fs"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/grouped"
)

// Parent and child are the same binary, so what they say to each other needs no version. Both ways it is JSON values,
// one behind the other: a job and then replies to the child, messages from it, the last of which is its answer.

// letter is what a child is sent: one field is set.
type letter struct {
	Job   *job   `json:",omitempty"`
	Reply *reply `json:",omitempty"`
}

// job is what a child is asked to render.
type job struct {
	Place     gitsource.Place
	Folder    string
	FileSize  int64
	TotalSize int64
	Objects   int
	Namespace string
	Bases     bool  // remote bases are allowed
	Memory    int64 // bytes that the child may take
}

func newJob(at gitsource.Place, folder string, o render.Options, l Limits) job {
	return job{Place: at, Folder: folder, FileSize: o.FileSize, TotalSize: o.TotalSize, Objects: o.Objects,
		Namespace: o.Namespace, Bases: o.Base != nil, Memory: l.Memory}
}

// message is one from the child: one field is set.
type message struct {
	Began  bool            `json:",omitempty"` // to render
	Ask    *question       `json:",omitempty"`
	Recall []string        `json:",omitempty"` // what is known of the groups with these digests?
	Keep   *kept           `json:",omitempty"` // what a group rendered to
	Object json.RawMessage `json:",omitempty"` // the next one
	Answer *answer         `json:",omitempty"`
}

// kept is what a group rendered to.
type kept struct {
	Digest  string
	Objects []grouped.Kept
}

// question asks where a commit of another repository is.
type question struct {
	URL, Commit string
	Submodule   bool // else it is a remote base
}

// reply answers a question with a place, or says why there is none; or with what is known of groups.
type reply struct {
	Place   gitsource.Place
	Problem string `json:",omitempty"`
	Invalid bool   `json:",omitempty"` // the problem is the commit's

	Known map[string][]grouped.Kept `json:",omitempty"` // of groups
}

// answer is what a render came to, beside the objects.
type answer struct {
	Read, Warnings, Dropped []string
	Problem                 *problem `json:",omitempty"`
	Damaged                 []string `json:",omitempty"` // mirrors in which something was missing
	// Again says that the child can do another job.
	Again bool `json:",omitempty"`
}

// problem is an error of render.Build.
type problem struct {
	Unread string // the path of a TreeError; else empty
	Text   string
}

func problemOf(err error) *problem {
	if err == nil {
		return nil
	}
	var unread *render.TreeError
	if errors.As(err, &unread) {
		return &problem{Unread: unread.Path, Text: unread.Err.Error()}
	}
	return &problem{Text: err.Error()}
}

func (p *problem) error() error {
	switch {
	case p == nil:
		return nil
	case p.Unread != "":
		return &render.TreeError{Path: p.Unread, Err: errors.New(p.Text)}
	}
	return errors.New(p.Text)
}

// replyError is why the parent could not open another repository.
type replyError struct{ reply }

func (e *replyError) Error() string { return e.Problem }

// Is says whether the commit itself is to blame, as the parent's own error did.
func (e *replyError) Is(target error) bool { return e.Invalid && target == fs.ErrInvalid }
