#!/usr/bin/env bash
# go-git v5.19.3: who asks a store for an object by its hash as another type than it has (GetTree, GetCommit, GetBlob) is
# told that the object is not there: plumbing.ErrObjectNotFound, the error of a clone that lacks objects. Both the store
# in memory and the one on disk answer so, and no other error tells the two apart; git itself says "not a tree object".
#
# Expected: an error of its own for a wrong type, such as object.ErrUnsupportedObject or plumbing.ErrInvalidType, so that
#           a ref that points at a blob is not taken for a damaged clone, which has to be fetched anew.
# Seen:     ErrObjectNotFound for a blob that is there, asked for as a tree and as a commit. With AnyObject it is found.
# Needs go and git; builds a program in a temporary folder.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
git init -q repository
blob=$(echo "a file" | git -C repository hash-object -w --stdin)
echo "git ls-tree: $(git -C repository ls-tree "$blob" 2>&1 || true)"
cat >main.go <<'GO'
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/memory"
)

func main() {
	onDisk, err := git.PlainOpen("repository")
	check(err)
	hash := plumbing.NewHash(os.Args[1])
	inMemory := memory.NewStorage()
	copied, err := onDisk.Storer.EncodedObject(plumbing.AnyObject, hash)
	check(err)
	put(inMemory, copied)
	for name, store := range map[string]storer.EncodedObjectStorer{"on disk": onDisk.Storer, "in memory": inMemory} {
		o, err := store.EncodedObject(plumbing.AnyObject, hash)
		check(err)
		_, asTree := object.GetTree(store, hash)
		_, asCommit := object.GetCommit(store, hash)
		fmt.Printf("%s: a %s; as a tree: %v; as a commit: %v\n", name, o.Type(), asTree, asCommit)
		if !errors.Is(asTree, plumbing.ErrObjectNotFound) || !errors.Is(asCommit, plumbing.ErrObjectNotFound) {
			fmt.Println("CHANGED: a wrong type is told apart from an object that is not there")
			os.Exit(1)
		}
	}
}

func put(to storer.EncodedObjectStorer, from plumbing.EncodedObject) {
	o := to.NewEncodedObject()
	o.SetType(from.Type())
	r, err := from.Reader()
	check(err)
	w, err := o.Writer()
	check(err)
	_, err = io.Copy(w, r)
	check(err)
	check(w.Close())
	_, err = to.SetEncodedObject(o)
	check(err)
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
GO
cat >go.mod <<'MOD'
module finding

go 1.26

require github.com/go-git/go-git/v5 v5.19.3
MOD
go mod tidy >/dev/null 2>&1
go run . "$blob"
