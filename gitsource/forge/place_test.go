package forge_test

import (
	"strings"
	"testing"

	"github.com/daemongate/daemongate/gitsource/forge"
)

// Where to report follows from the URL that is cloned, for every host and each way of cloning, unless it is said.
func TestWhereToReportFollowsFromTheURL(t *testing.T) {
	for _, c := range []struct {
		provider                    forge.Provider
		source, url, repository     string
		wantAPI, wantRepo, wantFail string
	}{
		{forge.GitHub, "https://github.com/platform/fleet.git", "", "", "https://api.github.com", "platform/fleet", ""},
		{forge.GitHub, "git@github.com:platform/fleet.git", "", "", "https://api.github.com", "platform/fleet", ""},
		{forge.GitHub, "ssh://git@ssh.github.com:443/platform/fleet.git", "", "", "https://api.github.com",
			"platform/fleet", ""},
		{forge.GitHub, "https://ada:s3cret@ghe.example.com/platform/fleet", "", "", "https://ghe.example.com/api/v3",
			"platform/fleet", ""},
		{forge.GitHub, "/srv/fleet", "https://ghe.example.com/api/v3/", "platform/fleet",
			"https://ghe.example.com/api/v3", "platform/fleet", ""},
		{forge.GitHub, "/srv/fleet", "", "", "", "", "set url and repository"},
		{forge.GitHub, "https://github.com/fleet", "", "", "", "", "owner/name"},
		{forge.GitLab, "https://gitlab.com/a/b/c/fleet.git", "", "", "https://gitlab.com/api/v4", "a/b/c/fleet", ""},
		{forge.GitLab, "ssh://git@gitlab.example.com:2222/a/fleet.git", "", "", "https://gitlab.example.com/api/v4",
			"a/fleet", ""},
		{forge.Gitea, "http://127.0.0.1:3000/platform/fleet.git", "", "", "http://127.0.0.1:3000/api/v1",
			"platform/fleet", ""},
		{forge.Gitea, "git@[2001:db8::7]:platform/fleet.git", "", "", "https://[2001:db8::7]/api/v1", "platform/fleet",
			""},
		{forge.Gitea, "ssh://git@[2001:db8::7]:2222/platform/fleet.git", "", "", "https://[2001:db8::7]/api/v1",
			"platform/fleet", ""},
		{forge.Gitea, "https://example.com/git/platform/fleet.git", "", "", "https://example.com/git/api/v1",
			"platform/fleet", ""},
		{forge.BitbucketCloud, "git@bitbucket.org:ws/fleet.git", "", "", "https://api.bitbucket.org/2.0", "ws/fleet",
			""},
		{forge.BitbucketDataCenter, "https://bb.example.com/scm/PLAT/fleet.git", "", "",
			"https://bb.example.com/rest/api/latest", "PLAT/fleet", ""},
		{forge.BitbucketDataCenter, "https://example.com/bitbucket/scm/~ada/fleet.git", "", "",
			"https://example.com/bitbucket/rest/api/latest", "~ada/fleet", ""},
		{forge.BitbucketDataCenter, "ssh://git@bb.example.com:7999/PLAT/fleet.git", "", "",
			"https://bb.example.com/rest/api/latest", "PLAT/fleet", ""},
		{forge.GitLab, "https://gitlab.com/a/fleet.git", "https://user:s3cret@gitlab.com/api/v4", "", "", "",
			"without credentials"},
		{forge.GitLab, "https://gitlab.com/a/fleet.git", "", "a/../fleet", "", "", "owner/name"},
		{forge.Gitea, "https://gitea.example.com/a/fleet.git", "ftp://x/api", "", "", "", "base of an API"},
	} {
		place, err := forge.Locate(c.provider, c.source, c.url, c.repository)
		if c.wantFail != "" {
			if err == nil || !strings.Contains(err.Error(), c.wantFail) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s %s: %v", c.provider, c.source, err)
			}
			continue
		}
		if err != nil || place.API != c.wantAPI || place.Repository != c.wantRepo {
			t.Errorf("%s %s: %s %s, %v", c.provider, c.source, place.API, place.Repository, err)
		}
	}
}
