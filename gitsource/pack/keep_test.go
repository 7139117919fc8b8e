package pack

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/daemongate/daemongate/gitsource/memory"
)

// The index of a pack is, byte for byte, the one that git makes.
func TestTheIndexIsGits(t *testing.T) {
	for name, args := range map[string][]string{
		"deltas by offset": {"--delta-base-offset", "--depth=200", "--window=50"},
		"deltas by name":   {"--depth=50"},
		"no deltas":        {"--depth=0"},
	} {
		t.Run(name, func(t *testing.T) {
			content := packed(t, args...)
			dir := t.TempDir()
			if err := Keep(t.Context(), dir, bytes.NewReader(content), Limits{}); err != nil {
				t.Fatal(err)
			}
			kept, index := files(t, dir)
			if !bytes.Equal(kept, content) {
				t.Error("the pack that was kept is not the one that was read")
			}
			if want := indexOfGit(t, content); !bytes.Equal(index, want) {
				t.Errorf("the index has %d bytes and is not git's, of %d", len(index), len(want))
			}
		})
	}
}

// Every object is found again when contents and their bases do not fit into what is kept of them.
func TestContentIsMadeAgain(t *testing.T) {
	content := packed(t, "--delta-base-offset", "--depth=200", "--window=50")
	objects, _, err := scanned(t.Context(), content)
	if err != nil {
		t.Fatal(err)
	}
	if err := resolve(t.Context(), bytes.NewReader(content), objects, 1, store{t.TempDir(), 1}); err != nil {
		t.Fatal(err)
	}
	var index bytes.Buffer
	if err := writeIndex(&index, objects.entries, [20]byte(content[len(content)-20:])); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(index.Bytes(), indexOfGit(t, content)) {
		t.Error("the index is not git's")
	}
}

// A delta of a large file, and what such a delta makes, are in files while the pack is kept, and nobody reads them later:
// the list beside the index has them, with their sizes.
func TestLargeDeltasAreListed(t *testing.T) {
	large := make([]byte, maxRead+1)
	makes := []byte("\x05\x05\x05small")                                                                     // of five bytes
	shrinks := append(binary.AppendUvarint(nil, uint64(len(large))), 9, 0x80|0x10, 5, 4, 'm', 'o', 'r', 'e') // five are copied
	for name, test := range map[string]struct {
		base, first, second []byte
		want                []int64
	}{
		"a change of a large file, and one of that": {large, shrinks, append([]byte{9, 2}, "\x02hi"...), []int64{2, 9}},
		"small ones": {[]byte("other"), makes, []byte("x"), nil},
	} {
		dir := t.TempDir()
		kind := byte(2)
		if len(test.second) > 1 {
			kind = 4 // a delta of the one before
		}
		if err := Keep(t.Context(), dir, bytes.NewReader(handmade(test.base, test.first, test.second, kind)), Limits{}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		heavy, err := Heavy(dir)
		if got := slices.Sorted(maps.Values(heavy)); err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: sizes %v, %v", name, got, err)
		}
		if left, err := filepath.Glob(filepath.Join(dir, "tmp_*")); err != nil || len(left) > 0 {
			t.Errorf("%s: left %v, %v", name, left, err)
		}
	}
}

// A pack of more objects than allowed is refused by its first line; one of many is put on the disk first, and waits for
// memory there.
func TestObjectsAreBounded(t *testing.T) {
	content := packed(t)
	count := int64(binary.BigEndian.Uint32(content[8:]))
	dir := t.TempDir()
	err := Keep(t.Context(), dir, bytes.NewReader(content), Limits{Objects: count - 1})
	var many *TooMany
	if !errors.As(err, &many) || many.Objects != count {
		t.Error(err)
	}
	empty(t, "too many", dir)
	if err := Keep(t.Context(), dir, bytes.NewReader(content), Limits{Objects: count}); err != nil {
		t.Error(err)
	}

	var crowd strings.Builder
	crowd.WriteString("commit refs/heads/main\ncommitter Ada <ada@example.com> 1700000000 +0000\ndata 1\nc\n")
	for i := range listed {
		fmt.Fprintf(&crowd, "M 100644 inline f%d\ndata 8\n%08d\n", i, i)
	}
	repository := t.TempDir()
	run(t, repository, nil, "init", "-q", "--bare")
	run(t, repository, []byte(crowd.String()), "fast-import", "--quiet", "--date-format=raw")
	content = run(t, repository, nil, "pack-objects", "-q", "--all", "--stdout")
	dir = t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		budget := memory.NewBudget(100 << 20)
		release, err := budget.Take(t.Context(), 100<<20)
		if err != nil {
			t.Fatal(err)
		}
		kept := make(chan error, 1)
		go func() { kept <- Keep(t.Context(), dir, bytes.NewReader(content), Limits{Memory: budget}) }()
		synctest.Wait()
		select {
		case err := <-kept:
			t.Error("kept without memory", err)
		default:
		}
		release()
		if err := <-kept; err != nil {
			t.Error(err)
		}
	})
	stored, index := files(t, dir)
	if !bytes.Equal(stored, content) || !bytes.Equal(index, indexOfGit(t, content)) {
		t.Error("pack and index are not git's")
	}
}

// What is cut off anywhere, or changed, or followed by something, or has a delta without its base, is an error, and
// leaves nothing.
func TestNothingIsKeptOfABadPack(t *testing.T) {
	good := packed(t, "--delta-base-offset")
	for cut := 1; cut < len(good); cut += 1 + len(good)/150 {
		refused(t, fmt.Sprintf("cut at %d", cut), good[:cut])
	}
	for at := 0; at < len(good); at += 1 + len(good)/150 {
		bad := bytes.Clone(good)
		bad[at] ^= 0x20
		refused(t, fmt.Sprintf("changed at %d", at), bad)
	}
	refused(t, "followed by a byte", append(bytes.Clone(good), 0))
	refused(t, "followed by many", append(bytes.Clone(good), make([]byte, 1<<20)...))
	if err := refused(t, "thin", thin(t)); !strings.Contains(err.Error(), "are changes of objects that are not in it") {
		t.Error(err)
	}
}

func TestNothingIsKeptOfAnEmptyPack(t *testing.T) {
	for name, content := range map[string]string{
		"no byte":   "",
		"no object": "PACK\x00\x00\x00\x02\x00\x00\x00\x00\x02\x9d\x08\x82\x3b\xd8\xa8\xea\xb5\x10\xad\x6a\xc7\x5c\x82\x3c\xfd\x3e\xd3\x1e",
	} {
		dir := t.TempDir()
		if err := Keep(t.Context(), dir, strings.NewReader(content), Limits{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		empty(t, name, dir)
	}
}

func TestKeepEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir, content := t.TempDir(), packed(t)
	if err := Keep(ctx, dir, bytes.NewReader(content), Limits{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	empty(t, "canceled", dir)
	if _, _, err := scanned(ctx, content); !errors.Is(err, context.Canceled) {
		t.Error("while it is read:", err)
	}
	objects, _, err := scanned(t.Context(), content)
	if err != nil {
		t.Fatal(err)
	}
	if err := resolve(ctx, bytes.NewReader(content), objects, keptContent, store{t.TempDir(), inMemory}); !errors.Is(err, context.Canceled) {
		t.Error("while deltas are applied:", err)
	}
}

// Objects beyond 2 GiB are in a table of their own, as git reads it.
func TestFarObjects(t *testing.T) {
	entries := []entry{{offset: 12, name: [20]byte{1}}, {offset: far - 1, name: [20]byte{2}},
		{offset: far, name: [20]byte{3}}, {offset: 5 << 32, name: [20]byte{0xff}}}
	var index bytes.Buffer
	if err := writeIndex(&index, entries, [20]byte{}); err != nil {
		t.Fatal(err)
	}
	var offsets []string
	for _, line := range strings.Split(strings.TrimSpace(string(run(t, t.TempDir(), index.Bytes(), "show-index"))),
		"\n") {
		offset, _, _ := strings.Cut(line, " ")
		offsets = append(offsets, offset)
	}
	if got, want := fmt.Sprint(offsets), "[12 2147483647 2147483648 21474836480]"; got != want {
		t.Errorf("git reads %s of the index, not %s", got, want)
	}
}

// scanned are the objects of a pack, in memory.
func scanned(ctx context.Context, content []byte) (*objects, plumbing.Hash, error) {
	o := newObjects()
	sum, err := scan(ctx, bytes.NewReader(content), io.Discard, o)
	return o, sum, err
}

func refused(t *testing.T, name string, content []byte) error {
	t.Helper()
	dir := t.TempDir()
	err := Keep(t.Context(), dir, bytes.NewReader(content), Limits{})
	if err == nil {
		t.Errorf("%s: kept", name)
	}
	empty(t, name, dir)
	return err
}

func empty(t *testing.T, name, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%s: left %v, %v", name, left, err)
	}
}

// files are the one pack in a folder, and its index.
func files(t *testing.T, dir string) (pack, index []byte) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "pack-*.pack"))
	if err != nil || len(found) != 1 {
		t.Fatalf("packs %v, %v", found, err)
	}
	pack, err = os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	index, err = os.ReadFile(strings.TrimSuffix(found[0], ".pack") + ".idx")
	if err != nil {
		t.Fatal(err)
	}
	return pack, index
}

func indexOfGit(t *testing.T, content []byte) []byte {
	t.Helper()
	index, err := gitsIndex(t, content)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

// history is a repository in which two files among many are changed again and again, with a tag: some of its folders,
// too, are stored as deltas.
func history(t testing.TB) (dir string) {
	dir = t.TempDir()
	run(t, dir, nil, "init", "-q", "--bare")
	var in strings.Builder
	for i := range 120 {
		fmt.Fprintf(&in, "commit refs/heads/main\ncommitter Ada <ada@example.com> %d +0000\ndata 1\nc\n",
			1_700_000_000+i)
		changed := 1 + i%2
		if i == 0 {
			changed = 60
		}
		for j := range changed {
			content := fmt.Sprintf("file %d\n%s\nchange %d\n%s\n", j, strings.Repeat("as before\n", 90), i,
				strings.Repeat("x", i))
			fmt.Fprintf(&in, "M 100644 inline d/f%d\ndata %d\n%s\n", j, len(content), content)
		}
	}
	in.WriteString("tag v1\nfrom refs/heads/main\ntagger Ada <ada@example.com> 1700000000 +0000\ndata 3\none\n")
	run(t, dir, []byte(in.String()), "fast-import", "--quiet", "--date-format=raw")
	return dir
}

// packed is that repository, in one pack.
func packed(t testing.TB, args ...string) []byte {
	t.Helper()
	return run(t, history(t), nil, append([]string{"pack-objects", "-q", "--all", "--stdout", "--no-reuse-delta"},
		args...)...)
}

// thin is a pack whose deltas change objects of another one.
func thin(t *testing.T) []byte {
	t.Helper()
	return run(t, history(t), []byte("main\n^main~3\n"), "pack-objects", "-q", "--revs", "--thin", "--stdout",
		"--no-reuse-delta")
}

func run(t testing.TB, dir string, stdin []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Stdin, cmd.Stderr = dir, bytes.NewReader(stdin), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %v: %v", args, err)
	}
	return out
}
