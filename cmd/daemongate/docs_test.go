package main

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

func page(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile("../../" + path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Every field of a Sync's spec has a row in docs/sync.md, and every row a field.
func TestDocsHaveEveryFieldOfTheSpec(t *testing.T) {
	reference, _, _ := strings.Cut(page(t, "docs/sync.md"), "\n## status")
	var documented []string
	section := ""
	for line := range strings.Lines(reference) {
		if m := regexp.MustCompile(`^## spec\.(\w+)`).FindStringSubmatch(line); m != nil {
			section = m[1]
		}
		if m := regexp.MustCompile("^\\| `([\\w.]+)`").FindStringSubmatch(line); m != nil {
			documented = append(documented, section+"."+m[1])
		}
	}
	for _, section := range []string{"deletionPolicy", "suspend"} {
		if strings.Contains(reference, "\n## spec."+section+"\n") {
			documented = append(documented, section) // has a section instead of a row
		}
	}
	slices.Sort(documented)
	if fields := leaves(reflect.TypeFor[api.SyncSpec](), ""); !slices.Equal(fields, documented) {
		t.Errorf("docs/sync.md has a row for each of\n%q\nbut should have one, below its ## spec.…, for each of\n%q",
			documented, fields)
	}
}

// leaves are the paths of a struct's JSON fields that are no structs, sorted.
func leaves(in reflect.Type, prefix string) []string {
	var paths []string
	for f := range in.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		of := f.Type
		if of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		if of.Kind() == reflect.Slice {
			of = of.Elem()
		}
		if of.Kind() == reflect.Struct && of != reflect.TypeFor[metav1.Duration]() &&
			of != reflect.TypeFor[intstr.IntOrString]() {
			paths = append(paths, leaves(of, prefix+name+".")...)
		} else {
			paths = append(paths, prefix+name)
		}
	}
	slices.Sort(paths)
	return paths
}

// The Syncs that the documents show, and the parts of Syncs, have no field that is misspelt or gone.
func TestSyncsInTheDocsAreValid(t *testing.T) {
	paths, err := filepath.Glob("../../docs/*.md")
	check(t, err)
	hosts, err := filepath.Glob("../../docs/hosts/*.md")
	check(t, err)
	whole, parts := 0, 0
	for _, path := range append(append(paths, hosts...), "../../README.md") {
		path = strings.TrimPrefix(path, "../../")
		for _, b := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(page(t, path), -1) {
			for document := range strings.SplitSeq(b[1], "---\n") {
				text, isWhole := asSync(document)
				if text == nil {
					continue
				}
				if isWhole {
					whole++
				} else {
					parts++
				}
				var s api.Sync
				if err := yaml.UnmarshalStrict(text, &s); err != nil {
					t.Errorf("%s: %v in\n%s", path, err, document)
				}
			}
		}
	}
	if whole < 6 || parts < 8 {
		t.Errorf("only %d Syncs and %d parts of Syncs were found", whole, parts)
	}
}

// asSync is a document that is a Sync, and a part of one as a Sync that has nothing else; nil if it is something else.
func asSync(document string) (text []byte, whole bool) {
	var top map[string]any
	if yaml.Unmarshal([]byte(document), &top) != nil {
		return nil, false
	}
	switch top["kind"] {
	case "Sync":
		return []byte(document), true
	case nil:
	default:
		return nil, false
	}
	fields := leaves(reflect.TypeFor[api.SyncSpec](), "")
	known := func(in map[string]any) bool {
		for key := range in {
			if slices.ContainsFunc(fields, func(f string) bool { return f == key || strings.HasPrefix(f, key+".") }) {
				return true
			}
		}
		return false
	}
	if spec, is := top["spec"].(map[string]any); is && known(spec) {
		return []byte(document), false
	}
	if known(top) {
		text, _ = yaml.Marshal(map[string]any{"spec": top})
	}
	return text, false
}

// Every cause that a rollout can show is in the design's table and has a heading where explain sends people.
func TestDocsHaveEveryCause(t *testing.T) {
	design, troubleshooting := page(t, "docs/design.md"), page(t, "docs/troubleshooting.md")
	for _, code := range causes() {
		if !regexp.MustCompile(`\n\| [^|]*\b` + string(code) + `\b`).MatchString(design) {
			t.Errorf("docs/design.md: the table of §6 has no row for %s: add its evidence, and after how long "+
				"it is Stuck", code)
		}
		if !strings.Contains(troubleshooting, "\n## "+string(code)+"\n") {
			t.Errorf("docs/troubleshooting.md: no heading \"## %s\", where explain sends people: write what to do "+
				"there", code)
		}
	}
}

// causes are all that a commit can be Stuck by: what a look may name, but for what is never a verdict, and what is known
// to who applies.
func causes() []rollout.Code {
	named := slices.DeleteFunc(rollout.Codes(), func(c rollout.Code) bool { return c == rollout.Starting })
	return append(append(named, rollout.PaceCodes()...), rollout.ApplyFailed)
}
