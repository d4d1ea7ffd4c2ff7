package extract

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRobotsMeta(t *testing.T) {
	tests := []struct {
		name, page string
		want       []string
	}{
		{"none", `<meta name=description content="robots">`, nil},
		{"for all", `<meta name="robots" content="noindex, nofollow">`, []string{"noindex, nofollow"}},
		{"in capitals", `<META NAME=ROBOTS CONTENT=NONE>`, []string{"NONE"}},
		{"for the agent and for another", `<meta name=bot content=nofollow><meta name=other content=none><meta name=Robots content=all>`, []string{"nofollow", "all"}},
		{"in a comment, a script", `<!-- <meta name=robots content=none> --><script>"<meta name=robots content=none>"</script>`, nil},
		{"without content", `<meta name=robots>`, []string{""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, RobotsMeta(tt.page, "bot")); d != "" {
				t.Error(d)
			}
		})
	}
}
