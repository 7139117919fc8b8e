package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/x509"
	"debug/elf"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// repository is the folder of the whole repository, as seen from this one.
const repository = "../.."

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ofTest is what the image of the tests is told about itself.
func ofTest(root string) release {
	return release{root: root, version: "v1.2.3-test", revision: strings.Repeat("c0ffee12", 5),
		time: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)}
}

// built are archives that tests look into: of the whole program for this machine, or, in the nightly tests, for all; and
// of one that is compiled in a moment, for all.
var built = struct{ whole, small func() ([]byte, error) }{
	whole: sync.OnceValues(func() ([]byte, error) { return archiveOf(wholeOf(repository)) }),
	small: sync.OnceValues(func() ([]byte, error) {
		root, err := os.MkdirTemp("", "devrelease-small-")
		if err == nil {
			defer func() { _ = os.RemoveAll(root) }()
			err = writeSmall(root)
		}
		if err != nil {
			return nil, err
		}
		return archiveOf(ofTest(root))
	}),
}

// wholeOf builds the whole program.
func wholeOf(root string) release {
	r := ofTest(root)
	if os.Getenv("DAEMONGATE_TEST_ALL") == "" {
		r.platforms = []string{"linux/" + runtime.GOARCH}
	}
	return r
}

// writeSmall writes a repository as ours is, with a program that does nothing.
func writeSmall(root string) error {
	for name, text := range map[string]string{"go.mod": "module " + module + "\n\ngo 1.26.0\n",
		"cmd/daemongate/main.go": "package main\n\nvar version string\n\nfunc main() { println(version) }\n"} {
		if err := write(filepath.Join(root, name), []byte(text)); err != nil {
			return err
		}
	}
	for _, name := range []string{".ko.yaml", "LICENSE"} {
		text, err := os.ReadFile(filepath.Join(repository, name))
		if err != nil {
			return err
		}
		if err := write(filepath.Join(root, name), text); err != nil {
			return err
		}
	}
	return nil
}

func archiveOf(r release) ([]byte, error) {
	folder, err := os.MkdirTemp("", "devrelease-test-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	file := filepath.Join(folder, "image.tar")
	if err := writeImage(context.Background(), r, file); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
}

// images are those of an archive, as who reads it finds them, with their platforms.
func images(t *testing.T, archive func() ([]byte, error)) ([]v1.Image, []string) {
	t.Helper()
	text, err := archive()
	check(t, err)
	folder := t.TempDir()
	unpack(t, bytes.NewReader(text), folder)
	l, err := layout.FromPath(folder)
	check(t, err)
	top, err := l.ImageIndex()
	check(t, err)
	manifest, err := top.IndexManifest()
	check(t, err)
	if len(manifest.Manifests) != 1 || !manifest.Manifests[0].MediaType.IsIndex() {
		t.Fatalf("the archive has %+v, want one index: tools ask which one is meant otherwise", manifest.Manifests)
	}
	if name := manifest.Manifests[0].Annotations["org.opencontainers.image.ref.name"]; name != "v1.2.3-test" {
		t.Errorf("its name is %q", name)
	}
	index, err := top.ImageIndex(manifest.Manifests[0].Digest)
	check(t, err)
	all, err := imagesOf(index)
	check(t, err)
	within, err := index.IndexManifest()
	check(t, err)
	var platforms []string
	for _, m := range within.Manifests {
		platforms = append(platforms, m.Platform.String())
	}
	return all, platforms
}

// unpack writes what a tar file has below a folder, as a container runtime would, but for the owners.
func unpack(t *testing.T, from io.Reader, folder string) {
	t.Helper()
	for r := tar.NewReader(from); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		check(t, err)
		path := filepath.Join(folder, filepath.Join("/", h.Name))
		if h.Typeflag == tar.TypeDir {
			check(t, os.MkdirAll(path, 0o755))
			continue
		}
		check(t, os.MkdirAll(filepath.Dir(path), 0o755))
		content, err := io.ReadAll(r)
		check(t, err)
		check(t, os.WriteFile(path, content, h.FileInfo().Mode().Perm()))
	}
}

// unpacked is the folder of what the image for a platform holds.
func unpacked(t *testing.T, image v1.Image) string {
	t.Helper()
	folder := t.TempDir()
	files := mutate.Extract(image)
	defer files.Close()
	unpack(t, files, folder)
	return folder
}

// Each image says for what it is, whose program it starts, and what it was made of; and it is started as nobody with
// rights: by a number, which Kubernetes can tell from root.
func TestTheImageSaysWhatItIs(t *testing.T) {
	all, platforms := images(t, built.small)
	if len(all) != 2 || strings.Join(platforms, " ") != "linux/amd64 linux/arm64" {
		t.Fatalf("it is for %q", platforms)
	}
	for i, image := range all {
		config, err := image.ConfigFile()
		check(t, err)
		if want := []string{"amd64", "arm64"}[i]; config.OS != "linux" || config.Architecture != want {
			t.Errorf("it is for %s/%s, want linux/%s", config.OS, config.Architecture, want)
		}
		c := config.Config
		if c.User != "65532:65532" || len(c.Entrypoint) != 1 || c.Entrypoint[0] != binary || len(c.Cmd) != 0 {
			t.Errorf("user %q starts %q %q", c.User, c.Entrypoint, c.Cmd)
		}
		for label, want := range map[string]string{"version": "v1.2.3-test", "revision": ofTest("").revision,
			"created": "2026-11-30T12:00:00Z", "licenses": "Apache-2.0", "source": "https://" + module} {
			if got := c.Labels["org.opencontainers.image."+label]; got != want {
				t.Errorf("label %s is %q, want %q", label, got, want)
			}
		}
		if !config.Created.Equal(ofTest("").time) {
			t.Errorf("created %s", config.Created)
		}
		manifest, err := image.Manifest()
		check(t, err)
		if len(manifest.Annotations) != 0 {
			t.Errorf("it names a base that nobody can pull: %v", manifest.Annotations)
		}
	}
}

// Of a system there is only what a Go program looks for: nothing to log in with, and nothing that must be kept up to
// date but the certificates.
func TestTheImageHasNoSystem(t *testing.T) {
	all, _ := images(t, built.small)
	for _, image := range all {
		folder := unpacked(t, image)
		var files []string
		check(t, filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				files = append(files, strings.TrimPrefix(path, folder))
			}
			return err
		}))
		want := []string{certificates, "/etc/group", "/etc/passwd", binary, "/usr/share/doc/daemongate/LICENSE", bill}
		for _, file := range want {
			if _, err := os.Stat(filepath.Join(folder, file)); err != nil {
				t.Error(err)
			}
		}
		if len(files) != len(want) {
			t.Errorf("it has %q, want %q", files, want)
		}
		pem, err := os.ReadFile(filepath.Join(folder, certificates))
		check(t, err)
		if roots := x509.NewCertPool(); !roots.AppendCertsFromPEM(pem) || strings.Count(string(pem), "BEGIN CERT") < 100 {
			t.Errorf("%s has %d certificates", certificates, strings.Count(string(pem), "BEGIN CERT"))
		}
		isStatic(t, filepath.Join(folder, binary))
	}
}

// isStatic fails if a program needs a loader or a library, neither of which is in the image.
func isStatic(t *testing.T, file string) {
	t.Helper()
	f, err := elf.Open(file)
	check(t, err)
	defer f.Close()
	libraries, err := f.ImportedLibraries()
	check(t, err)
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Errorf("%s wants a loader", file)
		}
	}
	if len(libraries) != 0 {
		t.Errorf("%s wants %q", file, libraries)
	}
}

// isLean fails if the linker has kept every exported method of every type, which is 20 MB, because something calls
// methods by names that only the running program knows. It is seen by one that nothing calls.
func isLean(t *testing.T, file string) {
	t.Helper()
	content, err := os.ReadFile(file)
	check(t, err)
	const methods = "github.com/spf13/cobra.(*Command)."
	if !bytes.Contains(content, []byte(methods+"ExecuteContext")) {
		t.Errorf("%s does not name its functions, so nothing is known of it", file)
	}
	if bytes.Contains(content, []byte(methods+"SetUsageTemplate")) {
		t.Errorf("%s has methods that nothing calls: what the linker prints with -ldflags=-dumpdep names by "+
			"<ReflectMethod> who calls methods by names; see docs/decisions/0095-a-page-without-reflection.md", file)
	}
}

// The program of the image starts, with nothing of this environment, and knows which version it is.
func TestTheProgramStartsFromTheImage(t *testing.T) {
	all, platforms := images(t, built.whole)
	at := slices.Index(platforms, "linux/"+runtime.GOARCH)
	if at < 0 {
		t.Fatalf("there is no image for %s: %q", runtime.GOARCH, platforms)
	}
	config, err := all[at].ConfigFile()
	check(t, err)
	program := filepath.Join(unpacked(t, all[at]), config.Config.Entrypoint[0])
	isStatic(t, program)
	isLean(t, program)
	for args, want := range map[string]string{
		"version --client": "daemongate v1.2.3-test (" + runtime.Version() + ", linux/" + runtime.GOARCH + ")",
		"run --help":       "Run the controller in the foreground",
	} {
		c := exec.CommandContext(t.Context(), program, strings.Fields(args)...)
		c.Env = config.Config.Env
		out, err := c.CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v, want %q:\n%s", args, err, want, out)
		}
	}
}

// Who builds the same commit somewhere else, at another time, in another time zone, gets the same archive, byte by byte.
func TestTwoBuildsAreOne(t *testing.T) {
	first, err := built.whole()
	check(t, err)
	elsewhere := copyOf(t, repository)
	t.Setenv("TZ", "Pacific/Auckland")
	t.Setenv("SOURCE_DATE_EPOCH", "12345") // of another project that is built in the same shell
	second, err := archiveOf(wholeOf(elsewhere))
	check(t, err)
	if !bytes.Equal(first, second) {
		t.Errorf("two builds differ: %d and %d bytes", len(first), len(second))
	}
}

// copyOf copies what Git has of a folder, and what it would take.
func copyOf(t *testing.T, root string) string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	names, err := list.Output()
	check(t, err)
	folder := t.TempDir()
	for name := range strings.SplitSeq(strings.TrimRight(string(names), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(root, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // deleted, and not committed
		}
		check(t, err)
		check(t, write(filepath.Join(folder, name), content))
	}
	return folder
}

// What ko would overlook in .ko.yaml is refused, with the line.
func TestMistakesInTheConfigurationAreFound(t *testing.T) {
	for text, want := range map[string]string{
		"defaultPlatform: [linux/amd64]":                                             "line 1: field defaultPlatform not found",
		"defaultPlatforms: [linux/amd64]":                                            "want one of builds",
		"builds: [{main: ./cmd/daemongate}]":                                         "and defaultPlatforms",
		"builds: [{main: ./x, ldflag: -s}]\ndefaultPlatforms: [linux/amd64]":         "field ldflag not found",
		"builds: [{main: ./a}, {main: ./b}]\ndefaultPlatforms: [linux/amd64, a/b/c]": "want one of builds",
	} {
		root := t.TempDir()
		check(t, write(filepath.Join(root, ".ko.yaml"), []byte(text)))
		if _, err := readKo(root); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// A variable that would make both images ones for the same platform is refused.
func TestAPlatformOfTheEnvironmentIsRefused(t *testing.T) {
	t.Setenv("GOARCH", "arm64")
	if _, err := archiveOf(ofTest(repository)); err == nil || !strings.Contains(err.Error(), "GOARCH=arm64") {
		t.Error(err)
	}
}
