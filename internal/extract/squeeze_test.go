package extract

import (
	"strings"
	"testing"
)

func TestSqueeze(t *testing.T) {
	for _, s := range []string{"", " ", "a", " a ", "a  b", "\ta\u00a0\nb \u3000", "h\u00e9 \u00e9", "a\xffb"} {
		if got, want := Squeeze(s), strings.Join(strings.Fields(s), " "); got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
	if got := squeezeText("a h\u00e9"[:4]); got != "a h" {
		t.Errorf("cut in a character: got %q", got)
	}
}
