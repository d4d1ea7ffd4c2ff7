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
		{"one", []string{`</2>; rel="next"`}, []Link{{Ref: "/2", Rel: "next", Tag: "link", Attr: "header"}}},
		{"several", []string{`<a>;rel=prev, <b>; title="x, \"y\"; z"; rel="next nofollow"`, `<c,d>`}, []Link{
			{Ref: "a", Rel: "prev", Tag: "link", Attr: "header"}, {Ref: "b", Rel: "next nofollow", Text: `x, "y"; z`, Tag: "link", Attr: "header", NoFollow: true}, {Ref: "c,d", Tag: "link", Attr: "header"},
		}},
		{"first rel", []string{`<a>; rel=x; rel=y`}, []Link{{Ref: "a", Rel: "x", Tag: "link", Attr: "header"}}},
		{"flag", []string{`<a>; crossorigin; rel=preload, <b>`}, []Link{{Ref: "a", Rel: "preload", Tag: "link", Attr: "header"}, {Ref: "b", Tag: "link", Attr: "header"}}},
		{"broken", []string{`nothing`, `<a`, `<b>; rel="x`, ``}, []Link{{Ref: "b", Rel: "x", Tag: "link", Attr: "header"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, HeaderLinks(nil, tt.values...)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestHeaderLinksSelected(t *testing.T) {
	values := []string{`</2>; rel="next nofollow", </de>; rel=alternate; hreflang=de; type="text/html"`, `</"c">; rel=canonical; title="<&>"`}
	tests := []struct {
		name, selector string
		want           []string
	}{
		{"the usual links", DefaultLinks, nil},
		{"link elements", "a, link", []string{"/2", "/de", `/"c"`}},
		{"links with an address", "link[href]", []string{"/2", "/de", `/"c"`}},
		{"any element with an address", "[href]", []string{"/2", "/de", `/"c"`}},
		{"by relation", "link[rel~=next]", []string{"/2"}},
		{"canonical", `head > link[rel="canonical" i]`, []string{`/"c"`}},
		{"by language", "link[rel=alternate][hreflang=de]", []string{"/de"}},
		{"by type", "link[type='text/html']", []string{"/de"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sel, err := ParseSelector(tt.selector)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, l := range HeaderLinks(sel, values...) {
				got = append(got, l.Ref)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestHeaderRefresh(t *testing.T) {
	tests := []struct {
		name, value, selector string
		want                  []Link
	}{
		{"anything", "0; url=/next", "", []Link{{Ref: "/next", Tag: "meta", Attr: "header"}}},
		{"its element", "5;URL='a b'", "a[href], meta[http-equiv=refresh]", []Link{{Ref: "a b", Tag: "meta", Attr: "header"}}},
		{"another element", "0; url=/next", DefaultLinks, nil},
		{"the page itself", "30", "", nil},
		{"none", "", "", nil},
		{"nonsense", "url=/next", "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var sel *Selector
			if tt.selector != "" {
				var err error
				if sel, err = ParseSelector(tt.selector); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(tt.want, HeaderRefresh(sel, tt.value)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
