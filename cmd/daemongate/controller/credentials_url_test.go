package controller

import (
	"strings"
	"testing"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// A Sync whose URL holds what may be credentials is refused, without repeating them. One that holds none is opened.
func TestASyncWithCredentialsInItsURLIsRefused(t *testing.T) {
	for url, refused := range map[string]bool{
		"https://hidden@example.com/org/repo":            true,
		"https://ada:hidden@example.com:8443/org/repo":   true,
		"https://ada:hid/den@example.com/org/repo":       true,
		"https://ada:hidden@hidden@example.com/org/repo": true,
		`https://hidden\@example.com/org/repo`:           true,
		"https://hidden@[%zz/org/repo":                   true,
		"ssh://git:hidden@example.com/org/repo":          true,
		"https://example.com/org/repo?token=a@b":         false,
		"https://example.com/@org/repo":                  false,
		"ssh://git@example.com:2222/org/repo":            false,
		"git@example.com:org/repo":                       false,
		"/srv/repo@1":                                    false,
	} {
		s := &api.Sync{Spec: api.SyncSpec{Source: api.Source{URL: url}}}
		_, err := connectionsWith(t, map[string]string{"token": "t"}).Repository(t.Context(), s)
		if refused && (err == nil || !strings.Contains(err.Error(), "put it into a Secret") ||
			strings.Contains(err.Error(), "hid") || strings.Contains(err.Error(), "den@")) {
			t.Errorf("%s: %v", url, err)
		}
		if !refused && err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}
