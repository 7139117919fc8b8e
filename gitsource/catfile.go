package gitsource

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/daemongate/daemongate/gitsource/pack"
)

// catFile reads objects of a repository of this machine with `git cat-file --batch`, which is started at the first read
// and serves all that follow. It is safe for concurrent use.
type catFile struct {
	root string

	mu  sync.Mutex
	cmd *exec.Cmd // nil if none runs
	in  io.WriteCloser
	out *bufio.Reader
}

// read returns an object of up to limit bytes, and its size. The content is checked against its name. An object that is
// not there is an errAbsent, a larger one a *tooLargeError.
func (c *catFile) read(kind plumbing.ObjectType, h plumbing.Hash, limit int64) (content []byte, size int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cmd == nil {
		if err := c.start(); err != nil {
			return nil, 0, fmt.Errorf("git cat-file: %w", err)
		}
	}
	content, size, err = c.ask(kind, h, limit)
	if errors.Is(err, errEnded) { // which it does where it would have to fetch an object that a partial clone lacks
		c.end()
		return nil, 0, errAbsent
	}
	return content, size, err
}

// errEnded says that the git program has ended instead of answering.
var errEnded = errors.New("git cat-file ended")

func (c *catFile) start() (err error) {
	cmd := exec.Command("git", "-C", c.root, "cat-file", "--batch")
	cmd.Env = localEnv()
	if c.in, err = cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	c.out = bufio.NewReader(out)
	if err := cmd.Start(); err != nil {
		return err
	}
	c.cmd = cmd
	return nil
}

// ask sends one name and reads the answer: a line with name, kind and size, and the content with a newline after it.
func (c *catFile) ask(want plumbing.ObjectType, h plumbing.Hash, limit int64) (content []byte, size int64, err error) {
	if _, err := fmt.Fprintln(c.in, h); err != nil {
		return nil, 0, errEnded
	}
	line, err := c.out.ReadString('\n')
	if err != nil {
		return nil, 0, errEnded
	}
	fields := strings.Fields(line)
	if len(fields) != 3 {
		return nil, 0, errAbsent // "NAME missing"
	}
	size, err = strconv.ParseInt(fields[2], 10, 64)
	if err != nil {
		return nil, 0, errEnded
	}
	if size > limit {
		if _, err := io.CopyN(io.Discard, c.out, size+1); err != nil {
			return nil, 0, errEnded
		}
		return nil, size, &tooLargeError{size, limit}
	}
	content = make([]byte, size+1)
	if _, err := io.ReadFull(c.out, content); err != nil {
		return nil, 0, errEnded
	}
	content = content[:size]
	switch kind, err := plumbing.ParseObjectType(fields[1]); {
	case err != nil:
		return nil, 0, err
	case pack.Name(kind, content) != h:
		return nil, 0, errMisnamed
	case kind != want:
		return nil, 0, fmt.Errorf("is a %s, not a %s", kind, want)
	}
	return content, size, nil
}

func (c *catFile) end() {
	if c.cmd == nil {
		return
	}
	_ = c.in.Close() // it ends at the end of its input
	_ = c.cmd.Wait() // everything that was wanted has been read
	c.cmd = nil
}

func (c *catFile) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end()
}
