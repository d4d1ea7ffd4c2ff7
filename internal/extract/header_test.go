package extract

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHeaderLinks(t *testing.T) {
	tests := []struct {
		name   string
		values []string
		want   []Link
	}{
		{"one", []string{`</2>; rel="next"`}, []Link{{Ref: "/2", Rel: "next", Attr: "link"}}},
		{"several", []string{`<a>;rel=prev, <b>; title="x, \"y\"; z"; rel="next nofollow"`, `<c,d>`}, []Link{
			{Ref: "a", Rel: "prev", Attr: "link"}, {Ref: "b", Rel: "next nofollow", Text: `x, "y"; z`, Attr: "link", NoFollow: true}, {Ref: "c,d", Attr: "link"},
		}},
		{"first rel", []string{`<a>; rel=x; rel=y`}, []Link{{Ref: "a", Rel: "x", Attr: "link"}}},
		{"flag", []string{`<a>; crossorigin; rel=preload, <b>`}, []Link{{Ref: "a", Rel: "preload", Attr: "link"}, {Ref: "b", Attr: "link"}}},
		{"broken", []string{`nothing`, `<a`, `<b>; rel="x`, ``}, []Link{{Ref: "b", Rel: "x", Attr: "link"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, HeaderLinks(tt.values...)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
