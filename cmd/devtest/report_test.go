package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// module is one with a package for each way in which `go test` ends.
var module = map[string]string{
	"go.mod": "module example.com/m\n\ngo 1.24\n",
	"good/good_test.go": `package good
import ("fmt"; "testing"; "time")
func TestQuick(t *testing.T) { fmt.Println("noise of a good package") }
func TestSlow(t *testing.T) {
	t.Run("part", func(t *testing.T) { t.Parallel(); time.Sleep(300 * time.Millisecond) })
}
`,
	"bad/bad_test.go": `package bad
import ("fmt"; "testing")
func TestGood(t *testing.T) { t.Log("noise of a good test") }
func TestBad(t *testing.T) {
	fmt.Println("printed by a bad test")
	t.Parallel()
	t.Run("good part", func(t *testing.T) { t.Log("noise of a good part") })
	t.Run("bad part", func(t *testing.T) { t.Error("this\nis wrong") })
}
func TestBadToo(t *testing.T) { t.Parallel(); t.Fatal("this too:\n--- FAIL: TestQuoted (0.00s)") }
`,
	"panics/panics_test.go": `package panics
import "testing"
func TestPanics(t *testing.T) { panic("no way") }
`,
	"broken/broken_test.go": "package broken\n\nvar x int = \"y\"\n",
	"none/none.go":          "package none\n",
}

func tested(t *testing.T, packages ...string) (out string, err error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range module {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var said strings.Builder
	var groups [][]string
	for _, p := range packages {
		groups = append(groups, []string{dir, "-vet=off", p})
	}
	err = run(&said, groups)
	return said.String(), err
}

func wants(t *testing.T, out string, patterns ...string) {
	t.Helper()
	for _, p := range patterns {
		if !regexp.MustCompile("(?m)" + p).MatchString(out) {
			t.Errorf("%q is missing in\n%s", p, out)
		}
	}
}

// Where all is well there is a line for each package, and the table of the slowest tests, the slowest first.
func TestGoodPackagesHaveALineEach(t *testing.T) {
	out, err := tested(t, "./good", "./none")
	if err != nil {
		t.Error(err)
	}
	wants(t, out, `^ok  \texample.com/m/good\t[0-9.]+s$`, `^\?   \texample.com/m/none\t\[no test files\]$`,
		`^The 2 slowest of 2 tests:\n +0\.[3-9] s  TestSlow   example.com/m/good\n +0\.[0-2] s  TestQuick  example.com/m/good$`)
	if strings.Contains(out, "noise") {
		t.Error(out)
	}
}

// All that a failed test said is below its name, and nothing of others is between. What it quotes of other tests stays.
func TestAFailureIsWhole(t *testing.T) {
	out, err := tested(t, "./bad", "./good")
	if err == nil {
		t.Error("the failure was lost")
	}
	wants(t, out, `^--- FAIL: TestBad \(.*\)\nprinted by a bad test\n--- FAIL: TestBad/bad_part \(.*\)\n    bad_test.go:8: this\n        is wrong\n--- FAIL: TestBadToo \(.*\)\n    bad_test.go:10: this too:\n        --- FAIL: TestQuoted \(0.00s\)\nFAIL\nFAIL\texample.com/m/bad\t[0-9.]+s$`,
		`^ok  \texample.com/m/good\t`)
	if strings.Contains(out, "noise") || strings.Contains(out, "===") {
		t.Error(out)
	}
}

// A panic and what does not compile are told as `go test` tells them, and are failures.
func TestWhatEndsNoTestIsTold(t *testing.T) {
	for name, patterns := range map[string][]string{
		"panics":  {`^--- FAIL: TestPanics `, `^panic: no way`, `^goroutine \d+`, `^FAIL\texample.com/m/panics\t`},
		"broken":  {`broken_test.go:3:13: cannot use "y"`, `^FAIL\texample.com/m/broken \[build failed\]$`},
		"missing": {`^FAIL\t./missing \[setup failed\]$`},
	} {
		out, err := tested(t, "./"+name)
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		wants(t, out, patterns...)
	}
}
