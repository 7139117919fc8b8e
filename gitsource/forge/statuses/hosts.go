package statuses

import (
	"encoding/json"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
)

// list is how a host lists the statuses of a commit.
type list struct {
	// path is below the repository's: the commit, how many are on a page, and the page's number are put in.
	path string
	// read reads a page, and says whether it names a next one.
	read func(body []byte) (items []listed, more bool, err error)
}

// lists are the hosts that do. Bitbucket Data Center lists those of a commit in all repositories of the server alone.
var lists = map[forge.Provider]list{
	forge.GitHub:         {"/commits/%s/statuses?per_page=%d&page=%d", readPlain},
	forge.GitLab:         {"/repository/commits/%s/statuses?all=true&per_page=%d&page=%d", readGitLab},
	forge.Gitea:          {"/statuses/%s?sort=highestindex&limit=%d&page=%d", readPlain},
	forge.BitbucketCloud: {"/commit/%s/statuses?sort=-updated_on&pagelen=%d&page=%d", readBitbucketCloud},
}

// states are the words of all hosts for a reporter's states. Some have one for failures and errors.
var states = map[string]forge.State{"success": forge.Success, "failure": forge.Failure, "error": forge.Error,
	"pending": forge.Pending, "running": forge.Pending, "failed": forge.Failure,
	"SUCCESSFUL": forge.Success, "FAILED": forge.Failure, "INPROGRESS": forge.Pending}

// readPlain reads a page of GitHub, with a state, or of Gitea, with a status. Each state that is told is one more.
func readPlain(body []byte) ([]listed, bool, error) {
	var items []struct {
		ID          int64     `json:"id"`
		State       string    `json:"state"`
		Status      string    `json:"status"`
		Context     string    `json:"context"`
		Description string    `json:"description"`
		Created     time.Time `json:"created_at"`
		Creator     *struct {
			Login string `json:"login"`
		} `json:"creator"` // null if there is none any more
	}
	err := json.Unmarshal(body, &items)
	var all []listed
	for _, i := range items {
		s := Status{Context: i.Context, Description: i.Description, State: states[i.State+i.Status], Time: i.Created}
		if i.Creator != nil {
			s.Creator = i.Creator.Login
		}
		all = append(all, listed{s, i.ID})
	}
	return all, false, err
}

// readGitLab reads a page of GitLab. What waits or runs there becomes what it ends as, in its place.
func readGitLab(body []byte) ([]listed, bool, error) {
	var items []struct {
		ID          int64      `json:"id"`
		Status      string     `json:"status"`
		Name        string     `json:"name"`
		Description string     `json:"description"`
		Created     time.Time  `json:"created_at"`
		Started     *time.Time `json:"started_at"`
		Finished    *time.Time `json:"finished_at"`
		Author      *struct {
			Username string `json:"username"`
		} `json:"author"`
	}
	err := json.Unmarshal(body, &items)
	var all []listed
	for _, i := range items {
		s := Status{Context: i.Name, Description: i.Description, State: states[i.Status], Time: i.Created}
		for _, later := range []*time.Time{i.Started, i.Finished} {
			if later != nil && later.After(s.Time) {
				s.Time = *later
			}
		}
		if i.Author != nil {
			s.Creator = i.Author.Username
		}
		all = append(all, listed{s, i.ID})
	}
	return all, false, err
}

// readBitbucketCloud reads a page of Bitbucket Cloud, which keeps the newest state of each key alone, and does not say
// who wrote it.
func readBitbucketCloud(body []byte) ([]listed, bool, error) {
	var page struct {
		Values []struct {
			State       string    `json:"state"`
			Name        string    `json:"name"`
			Description string    `json:"description"`
			Updated     time.Time `json:"updated_on"`
		} `json:"values"`
		Next string `json:"next"`
	}
	err := json.Unmarshal(body, &page)
	var all []listed
	for _, i := range page.Values {
		all = append(all, listed{Status{Context: i.Name, Description: i.Description, State: states[i.State],
			Time: i.Updated}, i.Updated.UnixNano()})
	}
	return all, page.Next != "", err
}
