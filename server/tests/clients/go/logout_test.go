package clients

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// A notice is sent as soon as the session has ended; a busy machine gets more time.
const noticeWithin = 20 * time.Second

// The person signs out through one application; it hears so behind her back, and go-oidc verifies what it hears.
func TestLogoutTokenOfBackChannelLogout(t *testing.T) {
	heard := make(chan string, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /logout", func(_ http.ResponseWriter, request *http.Request) {
		heard <- request.PostFormValue("logout_token")
	})
	application := httptest.NewUnstartedServer(mux)
	pair, err := tls.LoadX509KeyPair(filepath.Join(server.folder, "server.pem"), filepath.Join(server.folder, "server.key"))
	if err != nil {
		t.Fatal(err)
	}
	application.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	application.StartTLS()
	t.Cleanup(application.Close)
	address := strings.Replace(application.URL, "127.0.0.1", "localhost", 1) + "/logout"

	ctx, provider := server.discover(t)
	client := server.confidential(t, "--backchannel-logout-uri", address, "--backchannel-logout-session", "true")
	config := client.config(provider, webRedirect, oidc.ScopeOpenID)
	raw := idToken(t, ctx, config)
	verifier := provider.Verifier(&oidc.Config{ClientID: config.ClientID})
	id, err := verifier.Verify(ctx, raw)
	if err != nil {
		t.Fatal(err)
	}
	var session struct {
		ID string `json:"sid"`
	}
	if err := id.Claims(&session); err != nil {
		t.Fatal(err)
	}

	var metadata struct {
		EndSession string `json:"end_session_endpoint"`
	}
	if err := provider.Claims(&metadata); err != nil {
		t.Fatal(err)
	}
	admin().open(t, metadata.EndSession+"?"+url.Values{"id_token_hint": {raw}}.Encode())

	select {
	case token := <-heard:
		logout, err := verifier.VerifyLogout(ctx, token)
		if err != nil {
			t.Fatal(err)
		}
		if session.ID == "" || logout.SessionID != session.ID || logout.Subject != id.Subject {
			t.Fatalf("sid %q and sub %q, want %q and %q", logout.SessionID, logout.Subject, session.ID, id.Subject)
		}
	case <-time.After(noticeWithin):
		t.Fatalf("heard nothing within %v", noticeWithin)
	}
}
