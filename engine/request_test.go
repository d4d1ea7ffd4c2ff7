package engine

import (
	"strings"
	"testing"
)

// A store keeps fingerprints: these are never to change.
func TestFingerprint(t *testing.T) {
	const url = "http://a.test/b?c=d"
	tests := []struct {
		name string
		r    Request
		want uint64
	}{
		{"of a URL", Request{}, 0xbdf52c33ed9d7066},
		{"of a method", Request{Method: "post"}, 0x32c5d51e514ed436},
		{"of a body", Request{Method: "POST", Body: []byte("q=1")}, 0x3b66041f87ef9e4f},
		{"of a long body", Request{Method: "POST", Body: []byte(strings.Repeat("q=1&", 300))}, 0x4af283ee18d0ea89},
		{"of a jar", Request{Jar: "anna"}, 0x59c3dd78faf5f64d},
		{"of a body and a jar", Request{Method: "PUT", Body: []byte("x"), Jar: "anna"}, 0xb8bababbda2553f5},
		{"of a key", Request{Key: "product 7", Method: "POST", Body: []byte("q=1"), Jar: "anna"}, 0x96148ca9afca470d},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Fingerprint(&tt.r, url); got != tt.want {
				t.Errorf("%#x, want %#x", got, tt.want)
			}
		})
	}
}
