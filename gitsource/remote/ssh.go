package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/net/proxy"
)

// sshIdentity is what an SSH connection needs, read once: opening an encrypted key takes long on purpose.
type sshIdentity struct {
	methods []ssh.AuthMethod
	agent   string // the socket of the agent that holds the keys, instead of methods
	hosts   *knownhosts.HostKeyDB
	proxy   *url.URL // nil to connect directly
}

func newSSHIdentity(auth Auth) (*sshIdentity, error) {
	if len(auth.KnownHosts) == 0 {
		return nil, errors.New("ssh needs the server's host key: give known_hosts lines, such as ssh-keyscan prints " +
			"them, after checking the key")
	}
	if auth.App != nil {
		return nil, errors.New("a GitHub App reads over https: use the repository's https URL")
	}
	if len(auth.SSHKey) == 0 && auth.Password == "" && auth.SSHAgent == "" {
		return nil, errors.New("ssh needs a private key")
	}
	methods, err := sshMethods(auth)
	if err != nil {
		return nil, err
	}
	socket := ""
	if len(auth.SSHKey) == 0 {
		socket = auth.SSHAgent
	}
	hosts, err := knownHosts(auth.KnownHosts)
	if err != nil {
		return nil, err
	}
	through, err := sshProxy(auth)
	if err != nil {
		return nil, err
	}
	return &sshIdentity{methods, socket, hosts, through}, nil
}

// sshProxy is the proxy that ssh goes through. The environment's is not: it is meant for http.
func sshProxy(auth Auth) (*url.URL, error) {
	if auth.Proxy == "" {
		return nil, nil
	}
	u, err := ProxyURL(auth.Proxy)
	if err == nil && !strings.HasPrefix(u.Scheme, "socks5") {
		return nil, errors.New("ssh goes through a proxy of the kind socks5://host:port only")
	}
	return u, err
}

// dial connects to an address, through the proxy if there is one.
func (i *sshIdentity) dial(ctx context.Context, o Options, address string) (net.Conn, error) {
	direct := dialer(o)
	if i.proxy == nil {
		return direct(ctx, "tcp", address)
	}
	through, err := proxy.FromURL(i.proxy, direct)
	if err != nil {
		return nil, errors.New("the proxy cannot be used: expected socks5://host:port")
	}
	return through.(proxy.ContextDialer).DialContext(ctx, "tcp", address) //nolint:errcheck // what FromURL returns for socks5 is one
}

// Dial is for proxies that take no context.
func (f DialFunc) Dial(network, address string) (net.Conn, error) {
	return f(context.Background(), network, address)
}

// DialContext is DialFunc as an interface.
func (f DialFunc) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return f(ctx, network, address)
}

func sshMethods(auth Auth) ([]ssh.AuthMethod, error) {
	if len(auth.SSHKey) == 0 {
		return []ssh.AuthMethod{ssh.Password(auth.Password)}, nil
	}
	signer, err := ssh.ParsePrivateKey(auth.SSHKey)
	var locked *ssh.PassphraseMissingError
	if errors.As(err, &locked) {
		if auth.SSHPassphrase == "" {
			return nil, errors.New("the private ssh key is encrypted: give its passphrase")
		}
		signer, err = ssh.ParsePrivateKeyWithPassphrase(auth.SSHKey, []byte(auth.SSHPassphrase))
	}
	if err != nil {
		return nil, errors.New("the private ssh key cannot be read: expected PEM or OpenSSH format and, if it is " +
			"encrypted, the right passphrase")
	}
	return []ssh.AuthMethod{ssh.PublicKeys(signer)}, nil
}

// authenticate is how to identify to a server. The agent is asked anew for each connection, and needed until it stands.
func (i *sshIdentity) authenticate(ctx context.Context) (methods []ssh.AuthMethod, done func(), err error) {
	if i.agent == "" {
		return i.methods, func() {}, nil
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", i.agent)
	if err != nil {
		return nil, nil, errors.New("the ssh agent does not answer: see SSH_AUTH_SOCK, or name a key")
	}
	return []ssh.AuthMethod{ssh.PublicKeysCallback(agent.NewClient(conn).Signers)}, func() { _ = conn.Close() }, nil
}

// sshSession runs the service on the server. The ssh configuration of whoever runs the program plays no part, and the
// agent only if the credentials name it.
func (r *Remote) sshSession(ctx context.Context, service, version string) (*stream, error) {
	client, err := r.dialSSH(ctx)
	if err != nil {
		return nil, err
	}
	// What hangs on the connection ends with the context.
	stop := context.AfterFunc(ctx, func() { _ = client.Close() })
	hangUp := func() error { stop(); return ignoreClosed(client.Close()) }
	s, err := startSSH(client, service+" "+shellQuoted(r.address.Path), version, hangUp)
	if err != nil {
		_ = hangUp()
		return nil, err
	}
	s.ctx, s.reading = ctx, service == transport.UploadPackServiceName
	return s, nil
}

func startSSH(client *ssh.Client, command, version string, hangUp func() error) (*stream, error) {
	channel, err := client.NewSession()
	if err != nil {
		return nil, err
	}
	s := &stream{said: new(complaint)}
	s.hangUp = func() error { return errors.Join(ignoreClosed(channel.Close()), hangUp()) }
	s.await = func() { _ = channel.Wait() } // the protocol says how it went, and not the exit code
	channel.Stderr = s.said
	if version != "" {
		if err := channel.Setenv("GIT_PROTOCOL", version); errors.Is(err, io.EOF) {
			return nil, err
		} else if err != nil { // the server does not let it through
			return nil, errOldProtocol
		}
	}
	if s.in, err = channel.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := channel.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.out = out
	return s, channel.Start(command)
}

func (r *Remote) dialSSH(ctx context.Context) (*ssh.Client, error) {
	address := r.address.Host
	if _, _, err := net.SplitHostPort(address); err != nil {
		address = net.JoinHostPort(strings.Trim(address, "[]"), "22")
	}
	methods, done, err := r.ssh.authenticate(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	config := &ssh.ClientConfig{
		User: "git", Auth: methods, Timeout: dialTimeout,
		HostKeyCallback:   explainedHostKey(r.ssh.hosts),
		HostKeyAlgorithms: r.ssh.hosts.HostKeyAlgorithms(address),
	}
	if r.address.User != "" {
		config.User = r.address.User
	}
	conn, err := r.ssh.dial(ctx, r.options, address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	c, channels, requests, err := ssh.NewClientConn(conn, address, config)
	if err != nil {
		_ = conn.Close() // the handshake's error says more
		return nil, sshAdvice(err, config.User)
	}
	return ssh.NewClient(c, channels, requests), nil
}

func sshAdvice(err error, user string) error {
	if strings.Contains(err.Error(), "unable to authenticate") {
		return fmt.Errorf("%w of user %s: add its public key to the repository's deploy keys", errKeyRefused, user)
	}
	return err
}

var errKeyRefused = errors.New("the server does not accept the ssh key")

// explainedHostKey checks the server's key and says, of one that is not known, which line would make it known.
func explainedHostKey(hosts *knownhosts.HostKeyDB) ssh.HostKeyCallback {
	check := hosts.HostKeyCallback()
	return func(host string, address net.Addr, key ssh.PublicKey) error {
		err := check(host, address, key)
		switch {
		case err == nil:
			return nil
		case knownhosts.IsHostUnknown(err):
			return fmt.Errorf("the host key of %s is not known (%s %s): if it is the right one, add to known_hosts: %s",
				host, key.Type(), ssh.FingerprintSHA256(key), knownhosts.Line([]string{host}, key))
		case knownhosts.IsHostKeyChanged(err):
			return fmt.Errorf("the host key of %s is not the one in known_hosts (the server has %s %s): find out why "+
				"before you change known_hosts",
				host, key.Type(), ssh.FingerprintSHA256(key))
		}
		return err
	}
}

// knownHosts reads known_hosts lines; the library reads files only.
func knownHosts(lines []byte) (*knownhosts.HostKeyDB, error) {
	f, err := os.CreateTemp("", "known_hosts-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(lines)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	hosts, err := knownhosts.NewDB(f.Name())
	if err != nil {
		return nil, errors.New(strings.ReplaceAll(err.Error(), f.Name(), "known_hosts"))
	}
	return hosts, nil
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// shellQuoted quotes a path for the shell that the server may run the command with.
func shellQuoted(path string) string {
	return "'" + strings.NewReplacer("'", `'\''`, "!", `'\!'`).Replace(path) + "'"
}
