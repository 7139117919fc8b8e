package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
)

const maxCapabilities = 64 << 10 // bytes of what a server says that it is capable of

// errOldProtocol is the error of a server that speaks an earlier version of Git's protocol, or of other hashes.
var errOldProtocol = errors.New("the server does not speak version 2 of Git's protocol")

// Look asks for the refs whose full names begin with one of the prefixes, and for no others: version 2 of Git's
// protocol can, and go-git does not speak it. The server may answer with more. If it does not speak it either, ok is
// false: Read asks every server, and says what is wrong with one.
func (r *Remote) Look(ctx context.Context, prefixes []string) (refs map[string]plumbing.Hash, ok bool, err error) {
	if r.old.Load() {
		return nil, false, nil
	}
	if r.http != nil {
		refs, err = r.lookHTTP(ctx, prefixes)
	} else {
		refs, err = r.lookStream(ctx, prefixes)
	}
	if errors.Is(err, errOldProtocol) {
		r.old.Store(true)
		return nil, false, nil
	}
	if err != nil {
		return nil, false, r.explain(ctx, err)
	}
	return refs, true, nil
}

// readCapabilities reads what a server that was asked to speak version 2 says first.
func readCapabilities(from io.Reader) error {
	scanner := pktline.NewScanner(io.LimitReader(from, maxCapabilities))
	var lines []string
	for scanner.Scan() {
		line := strings.TrimSuffix(string(scanner.Bytes()), "\n")
		switch {
		case line == "" && len(lines) == 0, strings.HasPrefix(line, "# service="): // http's own beginning
			continue
		case line == "":
			return checkCapabilities(lines)
		case len(lines) == 0 && line != "version 2":
			return errOldProtocol
		}
		lines = append(lines, line)
	}
	switch err := scanner.Err(); {
	case err != nil:
		return err
	case len(lines) == 0:
		return packp.ErrEmptyInput
	}
	return io.ErrUnexpectedEOF
}

func checkCapabilities(lines []string) error {
	looks := func(line string) bool {
		name, _, _ := strings.Cut(line, "=")
		return name == "ls-refs"
	}
	longer := func(line string) bool {
		format, ok := strings.CutPrefix(line, "object-format=")
		return ok && format != "sha1"
	}
	if !slices.ContainsFunc(lines, looks) || slices.ContainsFunc(lines, longer) {
		return errOldProtocol
	}
	return nil
}

// lsRefs is the request for the refs with these prefixes.
func lsRefs(prefixes []string) ([]byte, error) {
	const delimiter = "0001" // which go-git does not know
	var request, arguments bytes.Buffer
	if err := pktline.NewEncoder(&request).EncodeString("command=ls-refs\n", "agent=daemongate\n"); err != nil {
		return nil, err
	}
	request.WriteString(delimiter)
	e := pktline.NewEncoder(&arguments)
	for _, prefix := range prefixes {
		if err := e.EncodeString("ref-prefix " + prefix + "\n"); err != nil {
			return nil, err
		}
	}
	if err := e.Flush(); err != nil {
		return nil, err
	}
	return append(request.Bytes(), arguments.Bytes()...), nil
}

// readRefs reads the answer to lsRefs: a hash and a name a line, up to the flush. An answer that ends before it is cut.
func readRefs(ctx context.Context, from io.Reader) (map[string]plumbing.Hash, error) {
	list := &listing{Reader: from, ctx: ctx}
	defer list.done()
	scanner := pktline.NewScanner(list)
	refs := map[string]plumbing.Hash{}
	for scanner.Scan() {
		line := strings.TrimSuffix(string(scanner.Bytes()), "\n")
		if line == "" {
			return refs, nil
		}
		hash, rest, _ := strings.Cut(line, " ")
		name, _, _ := strings.Cut(rest, " ") // attributes may follow
		if hash == "unborn" {
			continue
		}
		if !plumbing.IsHash(hash) || name == "" {
			return nil, fmt.Errorf("the server lists its refs in a way that cannot be read: %q", oneLine(line))
		}
		refs[name] = plumbing.NewHash(hash)
	}
	if err := scanner.Err(); err != nil {
		return nil, err
	}
	return nil, io.ErrUnexpectedEOF
}
