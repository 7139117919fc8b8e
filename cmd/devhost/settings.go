package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// settings are Gitea's app.ini: see its configuration cheat sheet.
type settings struct {
	dir, static string
	web, shell  int // ports of 127.0.0.1
}

func newSettings(dir, static string) (settings, error) {
	s := settings{dir: dir, static: static}
	ports, err := freePorts(2)
	if err != nil {
		return s, err
	}
	s.web, s.shell = ports[0], ports[1]
	return s, nil
}

// freePorts are ports that nobody listens on now.
func freePorts(n int) (ports []int, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // after all have been found, so that they differ
		address, ok := l.Addr().(*net.TCPAddr)
		if !ok {
			return nil, fmt.Errorf("listens on %s, which has no port", l.Addr())
		}
		ports = append(ports, address.Port)
	}
	return ports, nil
}

func (s settings) url() string { return fmt.Sprintf("http://127.0.0.1:%d", s.web) }

func (s settings) ssh() string { return fmt.Sprintf("127.0.0.1:%d", s.shell) }

func configFile(dir string) string { return filepath.Join(dir, "app.ini") }

// write lays app.ini down. Webhooks may go to this machine, which is where the tests are.
func (s settings) write() error {
	text := fmt.Sprintf(`APP_NAME = devhost
RUN_MODE = prod
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
WORK_PATH = %[1]s

[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = %[2]d
ROOT_URL = %[3]s/
DOMAIN = 127.0.0.1
SSH_DOMAIN = 127.0.0.1
START_SSH_SERVER = true
SSH_LISTEN_HOST = 127.0.0.1
SSH_LISTEN_PORT = %[4]d
SSH_PORT = %[4]d
BUILTIN_SSH_SERVER_USER = git
STATIC_ROOT_PATH = %[5]s
OFFLINE_MODE = true

[database]
DB_TYPE = sqlite3
PATH = %[1]s/gitea.db
SQLITE_JOURNAL_MODE = WAL

[security]
INSTALL_LOCK = true

[service]
DISABLE_REGISTRATION = true

[repository]
DEFAULT_BRANCH = main

[webhook]
ALLOWED_HOST_LIST = loopback

[cron]
ENABLED = false

[actions]
ENABLED = false

[indexer]
ISSUE_INDEXER_TYPE = db

[mailer]
ENABLED = false

[log]
MODE = console
LEVEL = Warn
`, s.dir, s.web, s.url(), s.shell, s.static)
	return os.WriteFile(configFile(s.dir), []byte(text), 0o600)
}

// knownHosts is the line of known_hosts for the host's key, which Gitea makes at its first start.
func (s settings) knownHosts() (string, error) {
	keys, err := filepath.Glob(filepath.Join(s.dir, "data", "ssh", "*.pub"))
	if err != nil {
		return "", err
	}
	if len(keys) == 0 {
		return "", errors.New("gitea made no ssh host key")
	}
	var lines []string
	for _, file := range keys {
		key, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		fields := strings.Fields(string(key))
		if len(fields) < 2 {
			return "", fmt.Errorf("%s: is no public key", file)
		}
		lines = append(lines, fmt.Sprintf("[127.0.0.1]:%d %s %s", s.shell, fields[0], fields[1]))
	}
	return strings.Join(lines, "\n"), nil
}
