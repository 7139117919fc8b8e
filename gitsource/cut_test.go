package gitsource_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/gitsource"
)

// A server repeats the password in a text that is too long to be shown: wherever it is cut, no part of the password is
// left.
func TestNoPartOfAPasswordIsRepeated(t *testing.T) {
	before := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		fmt.Fprint(w, pktLine("# service=git-upload-pack\n")+"0000"+pktLine("ERR "+strings.Repeat("x", before)+" "+
			password+" "+fmt.Sprintf("%q", password)))
	}))
	t.Cleanup(server.Close)
	r := open(t, server.URL+"/fleet.git", gitsource.Auth{Username: "ada", Password: `0dd"` + secret},
		gitsource.Options{})
	for ; before < 1000; before += 2 {
		_, err := r.Head(t.Context(), main)
		if err == nil || !strings.Contains(err.Error(), "xx") && before > 2 {
			t.Fatalf("%v", err)
		}
		if strings.Contains(err.Error(), "0dd") {
			t.Fatalf("after %d characters: %v", before, err)
		}
		hidden(t, "a long text", err.Error())
	}
}
