package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/CycloneDX/cyclonedx-go"
)

// The bill of materials in the image names each module that the compiler has linked into the program, and no other.
func TestTheBillNamesWhatIsLinked(t *testing.T) {
	all, _ := images(t, built.whole)
	for _, image := range all {
		folder := unpacked(t, image)
		text, err := os.ReadFile(filepath.Join(folder, bill))
		check(t, err)
		compare(t, text, filepath.Join(folder, binary))
	}
}

// The bill of each image names the platform of its program, wherever it was made.
func TestTheBillNamesThePlatform(t *testing.T) {
	all, platforms := images(t, built.small)
	for i, image := range all {
		text, err := os.ReadFile(filepath.Join(unpacked(t, image), bill))
		check(t, err)
		var bom cyclonedx.BOM
		check(t, cyclonedx.NewBOMDecoder(bytes.NewReader(text), cyclonedx.BOMFileFormatJSON).Decode(&bom))
		system, arch, _ := strings.Cut(platforms[i], "/")
		for _, c := range append(*bom.Components, *bom.Metadata.Component) {
			if !strings.Contains(c.PackageURL, "?goarch="+arch+"&goos="+system+"&") {
				t.Errorf("the bill of %s names %s", platforms[i], c.PackageURL)
			}
		}
	}
	if len(all) != 2 {
		t.Errorf("there are images for %q", platforms)
	}
}

// compare holds a bill against what Go itself says of a binary.
func compare(t *testing.T, text []byte, file string) {
	t.Helper()
	var bom cyclonedx.BOM
	check(t, cyclonedx.NewBOMDecoder(bytes.NewReader(text), cyclonedx.BOMFileFormatJSON).Decode(&bom))
	var raw struct{ BOMFormat, SpecVersion, SerialNumber string }
	check(t, json.Unmarshal(text, &raw))
	if raw.BOMFormat != "CycloneDX" || raw.SpecVersion == "" || !strings.HasPrefix(raw.SerialNumber, "urn:uuid:") {
		t.Errorf("it is %+v", raw)
	}
	info, err := buildinfo.ReadFile(file)
	check(t, err)
	main := bom.Metadata.Component
	if main.Name != info.Main.Path || main.Version != "v1.2.3-test" || bom.Metadata.Timestamp != "2026-11-30T12:00:00Z" {
		t.Errorf("it is about %s %s, of %s", main.Name, main.Version, bom.Metadata.Timestamp)
	}
	listed := map[string]string{}
	for _, c := range *bom.Components {
		listed[c.Name] = c.Version
	}
	linked := map[string]string{"std": info.GoVersion}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		linked[m.Path] = m.Version
	}
	if len(linked) < 50 || len(listed) != len(linked) {
		t.Errorf("%d modules are linked and %d listed", len(linked), len(listed))
	}
	for path, version := range linked {
		if listed[path] != version {
			t.Errorf("%s %s is linked, and %q listed", path, version, listed[path])
		}
	}
}

// The command writes the bill of a binary into a file, and says of what it has none.
func TestTheBillOfABinary(t *testing.T) {
	folder := t.TempDir()
	out := filepath.Join(folder, "made", "bill.json")
	t.Setenv("SOURCE_DATE_EPOCH", "1796040000")
	check(t, run(t.Context(), []string{"sbom", "-out", out, "-version", "v9", os.Args[0]}))
	text, err := os.ReadFile(out)
	check(t, err)
	for _, want := range []string{`"v9"`, "2026-11-30T12:00:00Z", "github.com/google/ko"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("it does not say %s:\n%.2000s", want, text)
		}
	}
	for args, want := range map[string]string{
		"sbom -out x README.md":                     "README.md: ",
		"sbom -out x " + folder:                     folder,
		"sbom " + os.Args[0]:                        "-out: say which file",
		"sbom -out x -version":                      "flag needs an argument",
		"image -out x more":                         "usage: devrelease image",
		"image -out x -root " + folder:              folder + "/.ko.yaml",
		"image -out x -root ../.. -platforms linux": `platform "linux"`,
		"explode -out x":                            "usage: devrelease image",
	} {
		if err := run(t.Context(), strings.Fields(args)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", args, err, want)
		}
	}
	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	if err := run(t.Context(), []string{"sbom", "-out", out, os.Args[0]}); err == nil ||
		!strings.Contains(err.Error(), `SOURCE_DATE_EPOCH="yesterday"`) {
		t.Error(err)
	}
}
