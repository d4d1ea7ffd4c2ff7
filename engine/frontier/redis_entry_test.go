package frontier

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"downpour/engine"
)

func TestRedisStored(t *testing.T) {
	tests := []struct {
		name string
		r    engine.Request
		want string
	}{
		{"URL alone", engine.Request{URL: "http://a.test/x"}, `http://a.test/x`},
		{"https", engine.Request{URL: "https://a.test/"}, `https://a.test/`},
		{"beyond ASCII", engine.Request{URL: "http://a.test/é"}, `http://a.test/é`},
		{"explicit GET", engine.Request{URL: "http://a.test/", Method: "GET"}, `http://a.test/`},
		{"what JSON escapes", engine.Request{URL: `http://a.test/"\`}, `{"url":"http://a.test/\"\\"}`},
		{"depth", engine.Request{URL: "http://a.test/", Depth: 3}, `{"url":"http://a.test/","depth":3}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := appendStored([]byte("before "), &tt.r)
			if diff := cmp.Diff("before "+tt.want, string(got)); diff != "" {
				t.Fatalf("stored (-want +got):\n%s", diff)
			}
			for _, raw := range []string{tt.want, string(tt.r.AppendJSON(nil))} {
				r, err := parseStored(raw)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tt.r.AppendJSON(nil), r.AppendJSON(nil)); diff != "" {
					t.Errorf("%s read back (-want +got):\n%s", raw, diff)
				}
			}
		})
	}
}

func TestRedisStoredMalformed(t *testing.T) {
	for _, raw := range []string{"", "http", "http://", "http://a.test/ x", "http://a.test/#f", "ftp://a.test/", " http://a.test/", `{"url":7}`} {
		if r, err := parseStored(raw); err == nil {
			t.Errorf("%q is read as %+v, want an error", raw, r)
		}
	}
}
