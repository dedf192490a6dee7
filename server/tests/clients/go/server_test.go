// Package clients drives the built server with golang.org/x/oauth2 and github.com/coreos/go-oidc as they are, over TLS,
// with default limits and settings.
package clients

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// A debug build opens its database and makes its keys in a second or two on a busy machine.
const startWithin = 30 * time.Second

// server is the one that all tests use.
var server *authgate

// authgate is a running server and what its operator knows.
type authgate struct {
	issuer    string
	password  string // of the user admin
	transport *http.Transport
	folder    string
	env       []string
	process   *exec.Cmd
}

func TestMain(m *testing.M) {
	os.Exit(func() int {
		folder, err := os.MkdirTemp("", "authgate-server-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(folder)
		if server, err = start(folder); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		code := m.Run()
		if err := server.stop(); err != nil {
			fmt.Fprintln(os.Stderr, "the server did not stop cleanly:", err)
			return 1
		}
		return code
	}())
}

func binary() string {
	if path := os.Getenv("AUTHGATE_BIN"); path != "" {
		return path
	}
	path, err := filepath.Abs("../../../../target/debug/authgate")
	if err != nil {
		panic(err)
	}
	return path
}

func start(folder string) (*authgate, error) {
	transport, err := authority(folder)
	if err != nil {
		return nil, err
	}
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := probe.Addr().(*net.TCPAddr)
	if err := probe.Close(); err != nil {
		return nil, err
	}
	s := &authgate{
		issuer:    fmt.Sprintf("https://localhost:%d", address.Port),
		password:  rand.Text(),
		transport: transport,
		folder:    folder,
	}
	s.env = []string{
		"BASE_URL=" + s.issuer,
		"SERVER_ADDR=" + address.String(),
		"TLS_CERT_FILE=" + filepath.Join(folder, "server.pem"),
		"TLS_KEY_FILE=" + filepath.Join(folder, "server.key"),
		"SSL_CERT_FILE=" + filepath.Join(folder, "authority.pem"), // for what it posts to clients
		"DATABASE_PATH=" + filepath.Join(folder, "authgate.db"),
		"DEFAULT_ADMIN_PASSWORD=" + s.password,
	}
	s.process = s.run("serve")
	s.process.Stderr = os.Stderr
	said, err := s.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	// Ends the reading below if the server stays silent.
	timer := time.AfterFunc(startWithin, func() { _ = s.process.Process.Kill() })
	defer timer.Stop()
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		if strings.Contains(lines.Text(), s.issuer) {
			go func() { // what it says later must not block it
				for lines.Scan() {
				}
			}()
			return s, nil
		}
	}
	return nil, fmt.Errorf("the server did not say its address within %v: %w", startWithin, s.process.Wait())
}

func (s *authgate) run(args ...string) *exec.Cmd {
	command := exec.Command(binary(), args...)
	command.Dir, command.Env = s.folder, s.env
	return command
}

func (s *authgate) stop() error {
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return s.process.Wait()
}

// client is what the command line prints about a client.
type client struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
	Name   string `json:"name"`
}

// command runs a command beside the running server and reads the JSON that it prints.
func (s *authgate) command(t *testing.T, into any, args ...string) {
	t.Helper()
	printed, err := s.run(append(args, "--json")...).Output()
	if err != nil {
		t.Fatalf("authgate %v: %v", args, err)
	}
	if err := json.Unmarshal(printed, into); err != nil {
		t.Fatalf("authgate %v printed %q: %v", args, printed, err)
	}
}

// seeded is the public client that every new database has.
func (s *authgate) seeded(t *testing.T) client {
	t.Helper()
	var all []client
	s.command(t, &all, "client", "list")
	for _, one := range all {
		if one.Name == "AuthGate CLI" {
			return one
		}
	}
	t.Fatalf("no seeded client among %v", all)
	return client{}
}

// confidential makes a client with a secret and every grant, and with the options of `authgate client create` in more.
func (s *authgate) confidential(t *testing.T, more ...string) client {
	t.Helper()
	var made client
	s.command(t, &made, append([]string{"client", "create", "--name", t.Name(), "--type", "confidential",
		"--scope", "openid profile email orders:read", "--redirect-uri", webRedirect,
		"--grant", "authorization_code", "--grant", "refresh_token",
		"--grant", "client_credentials", "--grant", "device_code"}, more...)...)
	return made
}

// discover is the provider as go-oidc sees it, and the context that makes both libraries trust the test's authority.
func (s *authgate) discover(t *testing.T) (context.Context, *oidc.Provider) {
	t.Helper()
	ctx := oidc.ClientContext(t.Context(), &http.Client{Transport: s.transport})
	provider, err := oidc.NewProvider(ctx, s.issuer)
	if err != nil {
		t.Fatal(err)
	}
	return ctx, provider
}

// config is how an application configures x/oauth2; the endpoint's AuthStyle is AuthStyleAutoDetect.
func (c client) config(provider *oidc.Provider, redirect string, scopes ...string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: c.ID, ClientSecret: c.Secret, Endpoint: provider.Endpoint(), RedirectURL: redirect, Scopes: scopes,
	}
}
