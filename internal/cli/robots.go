package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"downpour/engine"
	"downpour/internal/monitor"
	"downpour/internal/option"
	"downpour/policies"

	"github.com/spf13/pflag"
)

// forRobots lets through the options that have to do with asking a site.
func forRobots(o option.Option) bool {
	return o.Group == option.GroupFetch || o.Flag == "user-agent" || o.Flag == "contact"
}

const robotsHelp = `
It asks each site for its robots.txt, as a crawl would, and says whether the URL
may be fetched and which line says so. Exit status 3: one may not. Flags besides:
      --file FILE                 read this file in place of the site's; - is standard input
      --agent NAME                ask for this crawler in place of downpour
      --json                      one JSON object a line
`

// A robotsRow is what a robots.txt says of one URL.
type robotsRow struct {
	URL        string   `json:"url"`
	Allowed    bool     `json:"allowed"`
	Line       int      `json:"line,omitempty"`
	Rule       string   `json:"rule,omitempty"`
	Reason     string   `json:"reason,omitempty"`
	Agent      string   `json:"agent"`
	Robots     string   `json:"robots"`
	Status     int      `json:"status,omitempty"`
	CrawlDelay *float64 `json:"crawl_delay,omitempty"` // s
	Sitemaps   []string `json:"sitemaps,omitempty"`
}

// A robotsAnswer is what came for one robots.txt.
type robotsAnswer struct {
	from   string // URL, or the file's name
	status int
	reason string // why there are no rules; "" if there are
	open   bool   // may everything be fetched then?
	robots *policies.Robots
}

// robotsTest is the work of robotsVerb.
type robotsTest struct {
	p       *process
	file    string
	agent   string
	json    bool
	runner  *runner
	answers map[string]*robotsAnswer // by the URL of robots.txt
}

// robotsVerb tells whether robots.txt allows URLs.
func robotsVerb(ctx context.Context, p *process) error {
	t := &robotsTest{p: p, answers: map[string]*robotsAnswer{}}
	flags, words, err := parseFlags(p.args, forRobots, func(set *pflag.FlagSet) {
		set.StringVar(&t.file, "file", "", "")
		set.StringVar(&t.agent, "agent", "", "")
		set.BoolVar(&t.json, "json", false, "")
	})
	if err != nil {
		return explained(ctx, p, "robots", err)
	}
	if len(words) == 0 {
		return usagef("robots takes the URLs to test")
	}
	set, err := readSettings(flags, p.getenv)
	if err != nil {
		return err
	}
	t.runner = newRunner(p, set, nil, nil)
	defer t.runner.close()
	allowed, err := t.run(ctx, words)
	if err == nil && !allowed {
		err = &statusError{statusVerdict}
	}
	return err
}

// run tests each URL; allowed reports that all may be fetched.
func (t *robotsTest) run(ctx context.Context, words []string) (allowed bool, err error) {
	cfg, err := t.runner.config()
	if err != nil {
		return false, err
	}
	if t.agent == "" {
		t.agent = cfg.UserAgent
	}
	if t.file == "" {
		if err := t.runner.openFetcher(cfg); err != nil {
			return false, err
		}
	}
	allowed = true
	for _, w := range words {
		u, err := seedURL(w)
		if err != nil {
			return false, &usageError{err.Error()}
		}
		a, err := t.answer(ctx, u)
		if err != nil {
			return false, err
		}
		row := a.row(u, t.agent)
		allowed = allowed && row.Allowed
		if err := row.write(t.p.stdout, t.json); err != nil {
			return false, err
		}
	}
	return allowed, nil
}

// answer is the robots.txt that rules a URL: the file that was named, or what
// the site answers.
func (t *robotsTest) answer(ctx context.Context, url string) (*robotsAnswer, error) {
	u, err := policies.ParseURL(url)
	if err != nil {
		return nil, &usageError{err.Error()}
	}
	key := policies.RobotsURL(u)
	if t.file != "" {
		key = t.file
	}
	if a := t.answers[key]; a != nil {
		return a, nil
	}
	a := &robotsAnswer{from: key}
	t.answers[key] = a
	if t.file != "" {
		b, err := t.read()
		a.robots = policies.ParseRobots(b)
		return a, err
	}
	t.ask(ctx, url, a)
	return a, ctx.Err()
}

func (t *robotsTest) read() ([]byte, error) {
	if t.file == "-" {
		return io.ReadAll(io.LimitReader(t.p.stdin, policies.RobotsMaxSize+1))
	}
	b, err := os.ReadFile(t.file)
	if err != nil {
		return nil, usagef("--file %v", err)
	}
	return b, nil
}

// ask fetches the site's robots.txt, as a crawl does.
func (t *robotsTest) ask(ctx context.Context, url string, a *robotsAnswer) {
	f := t.runner.parts.fetcher
	f.Permit(url)
	resp, failure := engine.FetchRobots(ctx, f, &engine.Request{URL: url}, func(*engine.Response) error {
		select {
		case <-time.After(t.runner.set.duration("delay")):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	if resp != nil {
		a.status = resp.Status
	}
	switch {
	case failure != nil:
		a.reason = "robots.txt cannot be had: " + failure.Error()
	case policies.RobotsStatus(resp.Status) == policies.RobotsParse:
		a.robots = policies.ParseRobots(resp.Body)
	default:
		a.open, a.reason = true, fmt.Sprintf("there is no robots.txt: status %d", resp.Status)
	}
}

// row is what the answer says of a URL.
func (a *robotsAnswer) row(url, agent string) robotsRow {
	row := robotsRow{
		URL: url, Agent: policies.ProductToken(agent), Robots: a.from, Status: a.status, Reason: a.reason, Allowed: a.open,
	}
	if a.robots == nil {
		return row
	}
	u, err := policies.ParseURL(url)
	if err != nil {
		row.Reason = err.Error()
		return row
	}
	rules := a.robots.For(agent)
	row.Allowed, row.Line = rules.Allowed(u.PathQuery())
	row.Rule, row.Sitemaps = rules.Line(row.Line), a.robots.Sitemaps
	if d, ok := rules.CrawlDelay(); ok {
		s := d.Seconds()
		row.CrawlDelay = &s
	}
	if row.Line == 0 {
		row.Reason = "no rule matches"
	}
	return row
}

// write writes the row as JSON, or as lines for people.
func (r robotsRow) write(w io.Writer, asJSON bool) error {
	if asJSON {
		return writeJSONRow(w, r)
	}
	var b strings.Builder
	verdict, why := "disallowed", r.Reason
	if r.Allowed {
		verdict = "allowed"
	}
	if r.Line > 0 {
		why = fmt.Sprintf("line %d: %s", r.Line, r.Rule)
	}
	fmt.Fprintf(&b, "%s: %s for %s, %s\n", r.URL, verdict, r.Agent, why)
	fmt.Fprintf(&b, "  robots      %s\n", r.Robots)
	if r.CrawlDelay != nil {
		fmt.Fprintf(&b, "  crawl-delay %g s\n", *r.CrawlDelay)
	}
	for _, s := range r.Sitemaps {
		fmt.Fprintf(&b, "  sitemap     %s\n", s)
	}
	_, err := io.WriteString(w, monitor.EscapeLines(b.String()))
	return err
}
