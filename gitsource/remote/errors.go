package remote

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"

	"github.com/daemongate/daemongate/gitsource/githubapp"
	"github.com/daemongate/daemongate/gitsource/oneline"
)

// ErrEmpty is the error of reading a repository without a commit.
var ErrEmpty = errors.New("the repository is empty: push a first commit to it")

// ErrDenied is the error of credentials that the server does not accept, or that lack a right.
var ErrDenied = errors.New("the server refuses the credentials")

// ErrMistake is the error of what somebody has to put right: a URL, a ref, credentials. Asking again does not help.
var ErrMistake = errors.New("a mistake")

// mistaken is an error that is an ErrMistake besides what it is.
type mistaken struct{ error }

func (e mistaken) Unwrap() error        { return e.error }
func (e mistaken) Is(target error) bool { return target == ErrMistake }

// Mistake marks an error as an ErrMistake, unless there is none.
func Mistake(err error) error {
	if err == nil {
		return nil
	}
	return mistaken{err}
}

// IsMistake reports whether somebody has to put something right before a repository can be read.
func IsMistake(err error) bool {
	return errors.Is(err, ErrMistake) || errors.Is(err, ErrDenied) || errors.Is(err, ErrEmpty) ||
		errors.Is(err, ErrNoGit)
}

// ErrNoGit is the error of a repository of this machine where git is not installed.
var ErrNoGit = errors.New("a repository on this machine is read with the git program, which is not installed: " +
	"install it, or use a URL")

var (
	errNoAnswer = errors.New("the service ended without an answer")
	errNoPack   = errors.New("the server answered a fetch with nothing; this is tried again at the next poll")
)

// Error is what went wrong with a repository: its address, and a text without credentials. What it wraps is only what
// callers ask for: ErrEmpty, ErrDenied, ErrMistake, a *Refused, or the context's error.
type Error struct {
	Repository string
	text       string
	cause      error
}

func (e *Error) Error() string { return e.Repository + ": " + e.text }

// Unwrap returns what callers may ask for, which never holds a secret.
func (e *Error) Unwrap() error { return e.cause }

// explain turns an error of go-git, of the network or of a server into one that says what to do, and that repeats no
// credentials, wherever they came from: the error's own chain is cut off.
func (r *Remote) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	e := &Error{Repository: r.String()}
	var refused *Refused
	var large *PackTooLarge
	switch {
	case ctx.Err() != nil:
		e.text, e.cause = "gave up: "+context.Cause(ctx).Error(), context.Cause(ctx)
	case errors.Is(err, transport.ErrEmptyRemoteRepository):
		e.text, e.cause = ErrEmpty.Error(), ErrEmpty
	case errors.As(err, &refused):
		e.text, e.cause = refused.Error(), &Refused{refused.Ref, oneLine(r.auth.redact(refused.Reason))}
	case errors.As(err, &large):
		e.text, e.cause = large.Error(), large
	default:
		e.text = r.advice(err)
		switch {
		case denied(err):
			r.retire()
			e.cause = ErrDenied
		case elsewhere(err):
			e.cause = ErrMistake
		}
	}
	e.text = oneLine(r.auth.redact(e.text)) // in this order: half a secret is not recognised
	return e
}

func denied(err error) bool {
	return errors.Is(err, transport.ErrAuthenticationRequired) || errors.Is(err, transport.ErrAuthorizationFailed) ||
		errors.Is(err, errKeyRefused) || errors.Is(err, githubapp.ErrRefused)
}

// elsewhere reports whether there is no repository where the URL leads, or a server that is not the one that was meant.
func elsewhere(err error) bool {
	var unexpected *plumbing.UnexpectedError
	if errors.As(err, &unexpected) { // it does not unwrap
		err = unexpected.Err
	}
	var garbled *packp.ErrUnexpectedData
	var unknown x509.UnknownAuthorityError
	var hostname x509.HostnameError
	return errors.Is(err, transport.ErrRepositoryNotFound) || errors.Is(err, os.ErrNotExist) ||
		errors.Is(err, pktline.ErrInvalidPktLen) || errors.As(err, &garbled) || errors.As(err, &unknown) ||
		errors.As(err, &hostname) || errors.Is(err, errNoAnswer) && noRepository.MatchString(err.Error())
}

// noRepository is what git says of a folder that is none.
var noRepository = regexp.MustCompile("does not appear to be a git repository|not a git repository")

func (r *Remote) advice(err error) string {
	var answer *githttp.Err
	var unexpected *plumbing.UnexpectedError
	if errors.As(err, &unexpected) { // it does not unwrap
		err = unexpected.Err
	}
	var request *url.Error
	if errors.As(err, &request) { // it repeats the URL
		err = request.Err
	}
	switch {
	case errors.Is(err, transport.ErrAuthenticationRequired) && r.auth.Empty():
		return "the server asks for credentials (401): give a user and password or a token that may read the repository"
	case errors.Is(err, transport.ErrAuthenticationRequired) && r.auth.App != nil:
		return "the server does not accept the App's token (401): check that the App is installed for the repository"
	case errors.Is(err, transport.ErrAuthenticationRequired):
		return "the server does not accept the credentials (401): check that they are right and not expired"
	case errors.Is(err, transport.ErrAuthorizationFailed):
		return "the server denies access (403): the credentials lack the right to the repository, or to write to it"
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return "the repository was not found: check the URL, and that the credentials may see it"
	case errors.Is(err, os.ErrNotExist):
		return "there is no such folder: check the path"
	case errors.As(err, &answer) && answer.StatusCode() == http.StatusProxyAuthRequired,
		strings.Contains(err.Error(), http.StatusText(http.StatusProxyAuthRequired)):
		return "the proxy does not accept the credentials (407): put the right user and password into the proxy's URL"
	case errors.As(err, &answer):
		return fmt.Sprintf("the server answered with status %d", answer.StatusCode())
	case errors.Is(err, errNoAnswer):
		return r.serviceAdvice(err)
	}
	return networkAdvice(err)
}

// serviceAdvice explains what git itself says on its standard error.
func (r *Remote) serviceAdvice(err error) string {
	text := err.Error()
	switch {
	case noRepository.MatchString(text):
		return "this is not a Git repository: check the path, or run git init there"
	case strings.Contains(text, "dubious ownership"):
		return "git refuses a repository that belongs to another user: run daemongate as its owner, or git config " +
			"--global --add safe.directory " + r.address.Path
	}
	return text
}

func networkAdvice(err error) string {
	var dns *net.DNSError
	var unknown x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var garbled *packp.ErrUnexpectedData
	var timeout net.Error
	switch {
	case errors.As(err, &garbled):
		return garbledAdvice(garbled)
	case errors.Is(err, pktline.ErrInvalidPktLen):
		return "what answers is not a Git server: check that the URL is the one to clone from"
	case errors.Is(err, packp.ErrEmptyInput):
		return "the server answered with nothing: check that the URL is the one to clone from"
	case errors.As(err, &dns):
		return "the host " + dns.Name + " is not known: check the URL"
	case errors.As(err, &unknown):
		return "the server's certificate is signed by an unknown authority: give its CA certificate"
	case errors.As(err, &hostname):
		return "the server's certificate is for another host: " + hostname.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the server cut the connection; this is tried again at the next poll"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "the connection was silent for too long: " + err.Error()
	}
	return err.Error()
}

// sha256Line is a line of an advertisement whose hashes are too long for SHA-1.
var sha256Line = regexp.MustCompile(`^([0-9a-f]{24})? ?[0-9a-f]{24}|object-format=sha256`)

func garbledAdvice(e *packp.ErrUnexpectedData) string {
	if sha256Line.Match(e.Data) {
		return "the repository uses SHA-256 object names, which are not supported: convert it to SHA-1"
	}
	return fmt.Sprintf("what answers is not a Git server: %s (%.60q): check that the URL is the one to clone from",
		e.Msg, e.Data)
}

const maxText = 400

// oneLine makes a server's text fit to be shown.
func oneLine(text string) string { return oneline.Of(text, maxText) }

// Bare is the error without the repository's address.
func (e *Error) Bare() error {
	return &bareError{e.text, e.cause}
}

type bareError struct {
	text  string
	cause error
}

func (e *bareError) Error() string { return e.text }
func (e *bareError) Unwrap() error { return e.cause }
