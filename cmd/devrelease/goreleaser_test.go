package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// releaser is .goreleaser.yaml, as far as something else stands on it. goreleaser reads it all, in make
// release-snapshot; to compile goreleaser takes minutes.
type releaser struct {
	Version int
	Dist    string
	Builds  []struct {
		ID, Main, Binary                  string
		Env, Flags, Ldflags, Goos, Goarch []string
	}
	Archives []struct {
		ID           string
		IDs          []string
		Formats      []string
		NameTemplate string `yaml:"name_template"`
		Files        []struct{ Src string }
	}
	Checksum, Release struct {
		ExtraFiles []struct{ Glob string } `yaml:"extra_files"`
	}
	Sboms []struct {
		Cmd       string
		Args      []string
		Documents []string
	}
}

func readReleaser(t *testing.T) releaser {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, ".goreleaser.yaml"))
	check(t, err)
	var r releaser
	check(t, yaml.Unmarshal(text, &r))
	return r
}

// A program of a release is built as the one of the image, for the platforms of make krew.
func TestAReleaseIsBuiltAsTheImageIs(t *testing.T) {
	r := readReleaser(t)
	ko, err := readKo(repository)
	check(t, err)
	makefile, err := os.ReadFile(filepath.Join(repository, "Makefile"))
	check(t, err)
	platforms := regexp.MustCompile(`(?m)^PLATFORMS := (.*)$`).FindSubmatch(makefile)
	if r.Version != 2 || len(r.Builds) != 2 || platforms == nil {
		t.Fatalf("%+v, %q", r, platforms)
	}
	one := ko.Builds[0]
	for _, b := range r.Builds {
		if b.Main != one.Main || !slices.Equal(b.Env, one.Env) ||
			!slices.Equal(b.Flags, append([]string{"-trimpath"}, one.Flags...)) {
			t.Errorf("%+v is built otherwise than %+v", b, one)
		}
		if got, want := words(b.Ldflags), words(one.Ldflags); got != want {
			t.Errorf("%s is linked with %s, the image with %s", b.ID, got, want)
		}
		var built []string
		for _, system := range b.Goos {
			for _, arch := range b.Goarch {
				built = append(built, system+"/"+arch)
			}
		}
		if got := strings.Join(built, " "); got != string(platforms[1]) {
			t.Errorf("%s is built for %s, make krew is for %s", b.ID, got, platforms[1])
		}
	}
}

// words are those of flags of the linker, however they are written.
func words(flags []string) string {
	text := strings.NewReplacer("{{ ", "{{", " }}", "}}").Replace(strings.Join(flags, " "))
	return strings.Join(strings.Fields(text), " ")
}

// Of the archives of a release krew's manifest is made: it finds each by its name, and the program in it by its own.
func TestKrewFindsTheArchivesOfARelease(t *testing.T) {
	r := readReleaser(t)
	folder := t.TempDir()
	want := len(r.Builds[1].Goos) * len(r.Builds[1].Goarch)
	for _, a := range r.Archives {
		for _, system := range r.Builds[1].Goos {
			for _, arch := range r.Builds[1].Goarch {
				name := strings.NewReplacer("{{ .Os }}", system, "{{ .Arch }}", arch).Replace(a.NameTemplate)
				check(t, write(filepath.Join(folder, name+"."+a.Formats[0]), []byte(name)))
			}
		}
	}
	c := exec.CommandContext(t.Context(), filepath.Join(repository, ".ci/krew-manifest"), "v1.2.3", "https://example.com/x", folder)
	out, err := c.Output()
	check(t, err)
	var manifest struct {
		Spec struct {
			Platforms []struct{ URI, Bin string }
		}
	}
	check(t, yaml.NewDecoder(bytes.NewReader(out)).Decode(&manifest))
	found := manifest.Spec.Platforms
	if want != 4 || len(found) != want {
		t.Errorf("krew finds %+v, want %d", found, want)
	}
	for _, p := range found {
		if p.Bin != r.Builds[1].Binary || r.Archives[1].IDs[0] != r.Builds[1].ID ||
			!strings.Contains(p.URI, strings.Split(r.Archives[1].NameTemplate, "{")[0]) {
			t.Errorf("krew looks for %s, and %s is in %s", p.Bin, r.Builds[1].Binary, p.URI)
		}
	}
}

// The licence is in each archive, the image is among the files of a release and among its checksums, and make sets what
// goreleaser is to read in the environment: its own words for the commit's time say nothing in a clone without a remote.
func TestAReleaseHasTheLicenceAndTheImage(t *testing.T) {
	r := readReleaser(t)
	for _, a := range r.Archives {
		if !slices.Equal(a.Formats, []string{"tar.gz"}) || len(a.Files) != 1 || a.Files[0].Src != "LICENSE" {
			t.Errorf("archive %s is %+v", a.ID, a)
		}
	}
	text, err := os.ReadFile(filepath.Join(repository, ".goreleaser.yaml"))
	check(t, err)
	makefile, err := os.ReadFile(filepath.Join(repository, "Makefile"))
	check(t, err)
	image := regexp.MustCompile(`(?m)^IMAGE *= (.*)$`).FindSubmatch(makefile)
	want := strings.ReplaceAll(string(image[1]), "$(VERSION)", "{{ .Env.VERSION }}")
	for _, extra := range [][]struct{ Glob string }{r.Checksum.ExtraFiles, r.Release.ExtraFiles} {
		if len(extra) != 1 || extra[0].Glob != want {
			t.Errorf("beside the archives there is %+v, want %s", extra, want)
		}
	}
	for _, found := range regexp.MustCompile(`\.Env\.([A-Z_]+)`).FindAllSubmatch(text, -1) {
		if !bytes.Contains(makefile, append(found[1], '=')) {
			t.Errorf("make sets no %s for goreleaser", found[1])
		}
	}
	if found := regexp.MustCompile(`\.(CommitDate|CommitTimestamp|Date|Timestamp|Version)\b`).Find(text); found != nil {
		t.Errorf("%s is of goreleaser's", found)
	}
}

// The command by which goreleaser makes a bill of materials is one that devrelease takes.
func TestGoreleaserCallsDevreleaseAsItWants(t *testing.T) {
	r := readReleaser(t)
	out := filepath.Join(t.TempDir(), "bill.json")
	s := r.Sboms[0]
	var args []string
	for _, arg := range s.Args {
		args = append(args, strings.NewReplacer("{{ .Env.VERSION }}", "v9", "$document", out, "$artifact", os.Args[0]).Replace(arg))
	}
	check(t, run(t.Context(), args))
	text, err := os.ReadFile(out)
	check(t, err)
	if s.Cmd != "devrelease" || !strings.Contains(string(text), `"v9"`) || !strings.HasSuffix(s.Documents[0], ".cdx.json") {
		t.Errorf("%+v: %.500s", s, text)
	}
}
