package remote

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/daemongate/daemongate/gitsource/memory"
)

// Bounds of what a server lists: its refs, in lines of Git's protocol.
const (
	maxListed = 64 << 20 // bytes
	maxRefs   = 400_000
	// manyRefs are so many that whoever reads them takes its share of the process' memory first, perRef bytes for each
	// that there may be: go-git holds them twice, and the lists of names.
	manyRefs = 20_000
	perRef   = 500
)

// errManyRefs is the error of a server that lists more than can be read.
var errManyRefs = fmt.Errorf("the server lists more than %d refs, or %d MiB of them, and no more are read: delete "+
	"refs that nobody needs, or have the server hide them (git config transfer.hideRefs)", maxRefs, maxListed>>20)

// listing is a list of refs as it is read. A line of one is a hash, a space and a name, so there are no more refs than
// spaces.
type listing struct {
	io.Reader
	ctx     context.Context
	bytes   int
	refs    int
	release func() // of the memory; nil before it is taken
	failed  error
}

func (l *listing) Read(p []byte) (int, error) {
	if l.failed != nil {
		return 0, l.failed
	}
	n, err := l.Reader.Read(p)
	l.bytes += n
	l.refs += bytes.Count(p[:n], []byte{' '})
	switch {
	case l.bytes > maxListed, l.refs > maxRefs:
		l.failed = errManyRefs
	case l.refs > manyRefs && l.release == nil:
		l.release, l.failed = memory.Process().Take(l.ctx, maxRefs*perRef)
	}
	if l.failed != nil {
		return 0, l.failed
	}
	return n, err
}

// done lets others have the memory.
func (l *listing) done() {
	if l.release != nil {
		l.release()
	}
}

// listed bounds the lists of refs among the answers that a client gets. The memory is given back when the body is
// closed.
type listed struct{ next http.RoundTripper }

func (t listed) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := t.next.RoundTrip(r)
	if err == nil && strings.HasSuffix(r.URL.Path, infoRefs) {
		l := &listing{Reader: answer.Body, ctx: r.Context()}
		answer.Body = listedBody{l, answer.Body}
	}
	return answer, err
}

type listedBody struct {
	*listing
	body io.Closer
}

func (b listedBody) Close() error {
	b.done()
	return b.body.Close()
}
