package origin

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/pflag"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/remote"
)

// LineFlags adds the flags that choose a branch and say how its repository is reached.
func (from *Origin) LineFlags(f *pflag.FlagSet) {
	f.StringVar(&from.Ref, "ref", "", "branch, tag or full ref name (default: the repository's HEAD)")
	from.access.flags(f)
	f.StringVar(&from.cache, "data-dir", CacheDir(), "folder for the mirrors of repositories")
}

// Newest are the newest commits of a branch, newest first, and a way to the repository that has them. Close it.
func (from *Origin) Newest(ctx context.Context, most int) ([]gitsource.Commit, *remote.Remote, error) {
	if folder, ok := localFolder(from.Location); ok {
		return from.newestLocal(ctx, folder, most)
	}
	auth, err := from.auth(from.Location)
	if err != nil {
		return nil, nil, err
	}
	store := from.store()
	defer store.Close()
	repository, err := store.Repository(from.Location, auth)
	if err != nil {
		return nil, nil, err
	}
	head, err := from.head(ctx, repository)
	if err != nil {
		return nil, nil, err
	}
	line, err := gitsource.Newest(ctx, repository, head, most)
	if err != nil {
		return nil, nil, err
	}
	to, err := remote.New(from.Location, auth, remote.Options{})
	return line, to, err
}

func (from *Origin) newestLocal(ctx context.Context, folder string, most int) ([]gitsource.Commit, *remote.Remote,
	error) {
	repository, err := gitsource.OpenLocal(folder, gitsource.Options{})
	if err != nil {
		return nil, nil, err
	}
	defer repository.Close()
	revision := "HEAD"
	if from.Ref != "" {
		revision = from.Ref
	}
	head, err := repository.Resolve(ctx, revision)
	if err != nil {
		return nil, nil, err
	}
	line, err := repository.Newest(ctx, head, most)
	if err != nil {
		return nil, nil, err
	}
	to, err := remote.New(repository.Root, gitsource.Auth{}, remote.Options{})
	return line, to, err
}

// Remote is a way to the repository itself. Close it.
func (from *Origin) Remote() (*remote.Remote, error) {
	if folder, ok := localFolder(from.Location); ok {
		return remote.New(folder, gitsource.Auth{}, remote.Options{})
	}
	auth, err := from.auth(from.Location)
	if err != nil {
		return nil, err
	}
	return remote.New(from.Location, auth, remote.Options{})
}

// ClonedFrom is the URL, without a password, of what a local repository was cloned from; empty if it was not, and of a
// repository elsewhere.
func (from *Origin) ClonedFrom(ctx context.Context) string {
	folder, ok := localFolder(from.Location)
	if !ok {
		return ""
	}
	git := exec.CommandContext(ctx, "git", "-C", folder, "config", "--get", "remote.origin.url")
	git.Env = remote.CleanEnv(os.Environ())
	url, err := git.Output()
	if err != nil {
		return ""
	}
	return remote.WithoutPassword(strings.TrimSpace(string(url)))
}

// Find is the one of some commits whose hash begins with these digits.
func Find(commits []gitsource.Commit, digits string) (string, error) {
	found := ""
	for _, c := range commits {
		if digits == "" || !strings.HasPrefix(c.Hash, digits) {
			continue
		}
		if found != "" {
			return "", fmt.Errorf("%s: begins the hashes of several commits, such as %s and %s", digits, found, c.Hash)
		}
		found = c.Hash
	}
	if found == "" {
		return "", fmt.Errorf("%s: is none of the newest %d commits: give its whole hash", digits, len(commits))
	}
	return found, nil
}
