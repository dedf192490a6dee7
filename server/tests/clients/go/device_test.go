package clients

import (
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// The library polls at the interval that the server asks for, while the person decides.
func TestDeviceIsApproved(t *testing.T) {
	t.Parallel()
	ctx, provider := server.discover(t)
	config := server.seeded(t).config(provider, "", oidc.ScopeOpenID, "profile", oidc.ScopeOfflineAccess)
	device, err := config.DeviceAuth(ctx)
	if err != nil {
		t.Fatal(err)
	}
	admin().decide(t, device.VerificationURIComplete, "approve")
	token, err := config.DeviceAccessToken(ctx, device)
	if err != nil {
		t.Fatal(err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		t.Fatal("no id_token")
	}
	if _, err := provider.Verifier(&oidc.Config{ClientID: config.ClientID}).Verify(ctx, raw); err != nil {
		t.Fatal(err)
	}
	if _, err := provider.UserInfo(ctx, config.TokenSource(ctx, token)); err != nil {
		t.Fatal(err)
	}
}

func TestDeviceIsRefused(t *testing.T) {
	t.Parallel()
	ctx, provider := server.discover(t)
	config := server.seeded(t).config(provider, "", "profile")
	device, err := config.DeviceAuth(ctx)
	if err != nil {
		t.Fatal(err)
	}
	admin().decide(t, device.VerificationURIComplete, "deny")
	if _, err := config.DeviceAccessToken(ctx, device); code(err) != "access_denied" {
		t.Fatalf("after a refusal: %v", err)
	}
}

// x/oauth2 leaves the secret of a confidential client out of the device request (RFC 8628 3.1 wants it there), so an
// application adds it.
func TestDeviceOfConfidentialClient(t *testing.T) {
	t.Parallel()
	ctx, provider := server.discover(t)
	config := server.confidential(t).config(provider, "", "profile")
	if _, err := config.DeviceAuth(ctx); code(err) != "invalid_client" {
		t.Fatalf("without the secret: %v", err)
	}
	device, err := config.DeviceAuth(ctx, oauth2.SetAuthURLParam("client_secret", config.ClientSecret))
	if err != nil {
		t.Fatal(err)
	}
	admin().decide(t, device.VerificationURIComplete, "approve")
	if _, err := config.DeviceAccessToken(ctx, device); err != nil {
		t.Fatal(err)
	}
}
