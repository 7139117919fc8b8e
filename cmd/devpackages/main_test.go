package devpackages

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/render/child"
)

// binary is daemongate, as make build makes it; or another one that $DAEMONGATE names, such as the one of an image.
var binary = os.Getenv("DAEMONGATE")

func TestMain(m *testing.M) {
	if child.Asked(os.Args) { // renders of a controller in this process have processes of their own
		os.Exit(child.Serve(os.Stdin, os.Stdout, os.Stderr))
	}
	clustertest.Quiet()
	folder, err := os.MkdirTemp("", "devpackages-")
	if err == nil && binary == "" {
		binary = filepath.Join(folder, "daemongate")
		build := exec.Command("go", "build", "-o", binary, "./cmd/daemongate")
		build.Dir, build.Stdout, build.Stderr = "../..", os.Stderr, os.Stderr
		err = build.Run()
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, "build daemongate:", err)
	} else {
		code = m.Run()
	}
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// daemongate runs a command, and returns what it printed.
func daemongate(t *testing.T, args ...string) string {
	t.Helper()
	c := exec.Command(binary, args...)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("daemongate %q: %v: %s", args, err, &stderr)
	}
	return string(out)
}

// objects are those of a YAML text, by kind, namespace and name.
func objects(t *testing.T, text string) map[string]*unstructured.Unstructured {
	t.Helper()
	all := map[string]*unstructured.Unstructured{}
	for one := range strings.SplitSeq("\n"+text, "\n---\n") {
		u := &unstructured.Unstructured{}
		check(t, yaml.Unmarshal([]byte(one), &u.Object))
		if u.Object != nil {
			all[u.GetKind()+" "+u.GetNamespace()+"/"+u.GetName()] = u
		}
	}
	return all
}
