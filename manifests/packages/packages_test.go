package packages_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/daemongate/daemongate/manifests/install"
	"github.com/daemongate/daemongate/manifests/packages"
)

// asked are installations, each with other flags.
var asked = map[string]install.Options{
	"all namespaces": {Image: "example.com/daemongate:v1"},
	"two namespaces, with the page": {Image: "example.com/daemongate:v1", ClusterName: "eu-1",
		Namespaces: []string{"a", "b"}, Page: true},
	"with monitoring": {Image: "example.com/daemongate:v1", Monitoring: true},
	"a large one": {Image: "example.com/daemongate:v1",
		Resources: install.Resources{CPURequest: "1", MemoryRequest: "640Mi", MemoryLimit: "2Gi"}},
	"a page that acts": {Image: "example.com/daemongate:v1", Page: true, PageActions: true},
}

// Kustomize makes of the base what install applies, object by object, and an overlay of the base can change the image.
func TestTheBaseRendersToWhatIsInstalled(t *testing.T) {
	for name, o := range asked {
		files, err := packages.Kustomize(o)
		if err != nil {
			t.Fatal(err)
		}
		disk := filesys.MakeFsInMemory()
		for path, text := range files {
			write(t, disk, "/base/"+path, text)
		}
		write(t, disk, "/overlay/kustomization.yaml", "resources: [../base]\nimages:\n- {name: example.com/daemongate, "+
			"newName: mirror.example.com/daemongate, newTag: v2}\n")
		for folder, image := range map[string]string{"/base": o.Image, "/overlay": "mirror.example.com/daemongate:v2"} {
			o.Image = image
			got, want := rendered(t, disk, folder), installed(t, o)
			for id, text := range want {
				if got[id] != text {
					t.Errorf("%s, %s: %s is not as it is installed:\n%s\n%s", name, folder, id, got[id], text)
				}
			}
			if len(got) != len(want) {
				t.Errorf("%s, %s: %d objects, not %d", name, folder, len(got), len(want))
			}
		}
	}
}

func write(t *testing.T, disk filesys.FileSystem, path, text string) {
	t.Helper()
	if err := disk.WriteFile(path, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// rendered is what kustomize makes of a folder, as JSON by kind, namespace and name.
func rendered(t *testing.T, disk filesys.FileSystem, folder string) map[string]string {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(disk, folder)
	if err != nil {
		t.Fatal(err)
	}
	objects := map[string]string{}
	for _, r := range resources.Resources() {
		one, err := r.Map()
		if err != nil {
			t.Fatal(err)
		}
		objects[r.GetKind()+" "+r.GetNamespace()+"/"+r.GetName()] = asJSON(t, one)
	}
	return objects
}

// installed is what install applies.
func installed(t *testing.T, o install.Options) map[string]string {
	t.Helper()
	all, err := install.All(o)
	if err != nil {
		t.Fatal(err)
	}
	objects := map[string]string{}
	for _, u := range all {
		objects[u.GetKind()+" "+u.GetNamespace()+"/"+u.GetName()] = asJSON(t, u.Object)
	}
	return objects
}

func asJSON(t *testing.T, object any) string {
	t.Helper()
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// No mark of the chart's making is left in it, a number that is no semantic version stays out of its version, and what was
// asked for is in its values.
func TestTheChartHasNoMarksLeft(t *testing.T) {
	for version, want := range map[string]string{"v1.2.3": "version: 1.2.3\n", "unknown": "version: 0.0.0\n"} {
		files, err := packages.Chart(asked["two namespaces, with the page"], version)
		if err != nil {
			t.Fatal(err)
		}
		for path, text := range files {
			if strings.Contains(text, "mark-of") || path == "values.yaml" && strings.Contains(text, "${") {
				t.Errorf("%s has a mark left", path)
			}
		}
		if !strings.Contains(files["Chart.yaml"], "\n"+want) {
			t.Errorf("the version %s is not told as %q:\n%s", version, want, files["Chart.yaml"])
		}
		for _, line := range []string{`image: "example.com/daemongate:v1"`, `namespaces: ["a","b"]`, "http: true",
			"httpActions: false", `clusterName: "eu-1"`, `requestCPU: "50m"`, `limitMemory: "1536Mi"`} {
			if !strings.Contains(files["values.yaml"], "\n"+line+"\n") {
				t.Errorf("values.yaml has no %s:\n%s", line, files["values.yaml"])
			}
		}
	}
}

// Helm refuses the images that install refuses; that one must be named, the template says.
func TestTheChartTakesTheImagesThatInstallTakes(t *testing.T) {
	files, err := packages.Chart(asked["all namespaces"], "v1")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Properties map[string]struct{ Pattern string }
	}
	if err := json.Unmarshal([]byte(files["values.schema.json"]), &schema); err != nil {
		t.Fatal(err)
	}
	takes := regexp.MustCompile(schema.Properties["image"].Pattern)
	for _, image := range []string{"a", "a b", "a\n", `a"`, "A", "registry.example.com:5000/a/b:v1", "https://a/b", "a:", "[::1]/a",
		"a@sha256:" + strings.Repeat("0", 64), "a@sha256:0", "{{ .Values.x }}"} {
		if install := install.CheckImage(image) == nil; takes.MatchString(image) != install {
			t.Errorf("%q: install takes it: %v, Helm does not agree", image, install)
		}
	}
	if !takes.MatchString("") {
		t.Error("no image: the schema has no words for what is missing")
	}
}

// What an earlier export had and a later one has not goes, and nothing else does: neither what is somebody else's, nor
// what a list that was tampered with names outside the folder.
func TestAnExportLeavesNothingOfAnEarlierOne(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "base")
	main := packages.MadeBy + "kind: Kustomization\n"
	check(t, packages.Files{packages.KustomizeFile: main, "a/old.yaml": "1", "b.yaml": "1"}.Write(folder))
	for _, theirs := range []string{"theirs.yaml", "../outside.yaml", "a/theirs.yaml"} {
		check(t, os.WriteFile(filepath.Join(folder, theirs), []byte("theirs"), 0o600))
	}
	check(t, packages.Files{packages.KustomizeFile: main, "b.yaml": "2", "new.yaml": "2"}.Write(folder))
	for name, want := range map[string]string{"a/old.yaml": "", "b.yaml": "2", "new.yaml": "2", "theirs.yaml": "theirs",
		"a/theirs.yaml": "theirs", "../outside.yaml": "theirs"} {
		if text, _ := os.ReadFile(filepath.Join(folder, name)); string(text) != want {
			t.Errorf("%s has %q, not %q", name, text, want)
		}
	}
	at := filepath.Join(folder, packages.KustomizeFile)
	text, err := os.ReadFile(at)
	check(t, err)
	evil := strings.Replace(string(text), "new.yaml", "new.yaml ../outside.yaml", 1)
	check(t, os.WriteFile(at, []byte(evil), 0o600))
	if err := (packages.Files{packages.KustomizeFile: main}).Write(folder); err == nil {
		t.Error("a path that leads out of the folder was taken")
	}
	if _, err := os.Stat(filepath.Join(folder, "../outside.yaml")); err != nil {
		t.Errorf("what is outside of the folder is gone: %v", err)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
