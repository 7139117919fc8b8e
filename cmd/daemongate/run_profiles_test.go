package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/daemongate/daemongate/cmd/daemongate/controller"
)

// reached gives what an address of the command line comes to, with other flags beside it.
func reached(t *testing.T, args ...string) (*runOptions, error) {
	t.Helper()
	o := &runOptions{}
	flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
	o.addTo(flags)
	check(t, flags.Parse(args))
	return o, o.checkProfiles()
}

// Profiles are served nowhere if nobody asks for them, to this machine if nobody says to whom, to others if an IP
// address says so, and never where metrics, webhooks or the page are.
func TestWhereProfilesAreServed(t *testing.T) {
	for address, want := range map[string]string{"": "", ":6060": "127.0.0.1:6060", "127.0.0.1:6060": "127.0.0.1:6060",
		"localhost:6060": "localhost:6060", "[::1]:6060": "[::1]:6060", "0.0.0.0:6060": "0.0.0.0:6060"} {
		o, err := reached(t, "--metrics-address=:9090", "--webhook-address=:9292", "--pprof-bind-address="+address)
		o.serveProfiles()
		if err != nil || o.profiles != want || len(o.Pages) != min(1, len(want)) || want != "" && o.Pages[want] == nil {
			t.Errorf("%q is served at %q of %v, want %q: %v", address, o.profiles, o.Pages, want, err)
		}
	}
	for args, want := range map[string]string{
		"--pprof-bind-address=6060":                                             "want an address and a port",
		"--pprof-bind-address=node-1.example.com:6060":                          "want an IP address",
		"--pprof-bind-address=:9090 --metrics-address=:9090":                    "--metrics-address has the same port",
		"--pprof-bind-address=127.0.0.1:9090 --metrics-address=10.0.0.7:9090":   "--metrics-address has the same port",
		"--pprof-bind-address=:9292 --webhook-address=:9292":                    "--webhook-address has the same port",
		"--pprof-bind-address=127.0.0.1:8080 --http=:8080 --metrics-address=:1": "--http has the same port",
	} {
		if _, err := reached(t, strings.Fields(args)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", args, err, want)
		}
		if r := daemongate(t, "", append([]string{"run"}, strings.Fields(args)...)...); r.code != 2 {
			t.Errorf("%s: exit code %d", args, r.code)
		}
	}
}

// What is served is what go tool pprof reads, and nothing else. What is allocated is sampled from then on.
func TestProfilesAreServed(t *testing.T) {
	before := runtime.MemProfileRate
	defer func() { runtime.MemProfileRate = before }()
	runtime.MemProfileRate = 0 // as main has it
	server := httptest.NewServer(controller.Profiles())
	defer server.Close()
	for path, want := range map[string]int{"/debug/pprof/": 200, "/debug/pprof/heap": 200, "/debug/pprof/goroutine?debug=1": 200,
		"/debug/pprof/symbol": 200, "/debug/pprof/nothing": 404, "/metrics": 404, "/": 404} {
		answer, err := http.Get(server.URL + path) //nolint:noctx // of this process
		check(t, err)
		body, err := io.ReadAll(answer.Body)
		check(t, err)
		answer.Body.Close()
		if answer.StatusCode != want || want == 200 && len(body) == 0 {
			t.Errorf("%s: %d, %d bytes", path, answer.StatusCode, len(body))
		}
	}
	for range 64 {
		allocated = append(allocated, make([]byte, 1<<20))
	}
	defer func() { allocated = nil }()
	runtime.GC() // what was sampled is shown as of a collection
	runtime.GC()
	rate, told := 512<<10, os.Getenv("GODEBUG")
	if of, is := strings.CutPrefix(told, sampledByTest); is {
		rate, _ = strconv.Atoi(of)
	}
	heap := get(t, server.URL+"/debug/pprof/heap?debug=1")
	if want := fmt.Sprintf("@ heap/%d\n", 2*rate); !strings.Contains(heap, want) {
		t.Errorf("with GODEBUG=%s it is %.80s, want %s", told, heap, want)
	}
	if is := strings.Contains(heap, "TestProfilesAreServed"); is != (rate > 0) {
		t.Errorf("with GODEBUG=%s what this test allocated is shown: %v", told, is)
	}
}

// allocated is what a profile shows.
var allocated [][]byte

const sampledByTest = "memprofilerate="

// Whoever has said with GODEBUG how much is sampled decides it, as of any program of Go's.
func TestWhatIsSampledIsForThePersonToSay(t *testing.T) {
	for _, rate := range []string{"65536", "0"} {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProfilesAreServed$") //nolint:gosec // this test
		child.Env = append(os.Environ(), "GODEBUG="+sampledByTest+rate)
		if out, err := child.CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS") {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	answer, err := http.Get(url) //nolint:gosec,noctx // of this process
	check(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	check(t, err)
	return string(body)
}
