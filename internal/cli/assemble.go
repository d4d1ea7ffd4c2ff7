package cli

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"time"

	"downpour/engine"
	"downpour/engine/fetch"
	"downpour/engine/frontier"
	"downpour/internal/output"
)

// parts are what a crawl is put together from.
type parts struct {
	store   frontier.Store
	fetcher *fetch.Fetcher
	output  *output.Set
	skips   *output.Set // nil unless --skips is given
	site    *site       // nil unless a folder is served
}

// assemble puts the crawl together, cheapest first: a script that does not load
// or an option that makes no sense leaves state and files alone.
func (r *runner) assemble(ctx context.Context) error {
	for _, w := range unknownVariables(r.p.environ) {
		r.log.Warn(w) //nolint:sloglint // a sentence with its hint
	}
	if err := r.loadScripts(ctx); err != nil {
		return err
	}
	cfg, err := r.config()
	if err != nil {
		return err
	}
	specs := r.set.list("output")
	if err := output.Check(append(specs, r.set.text("skips"))); err != nil {
		return &usageError{err.Error()}
	}
	if r.name, err = r.crawlName(); err != nil {
		return err
	}
	cfg.Name = r.name
	if err := r.serve(); err != nil {
		return err
	}
	if err := r.openFetcher(cfg); err != nil {
		return err
	}
	seeds, err := r.seeds()
	if err != nil {
		return err
	}
	if err := r.openStore(ctx); err != nil {
		return err
	}
	if err := r.keepCookies(); err != nil {
		return err
	}
	if r.parts.output, err = output.Open(specs, r.stdout, r.parts.store.Marks(), r.parts.store.Resumed()); err != nil {
		return err
	}
	if file := r.set.text("skips"); file != "" {
		if r.parts.skips, err = output.Open([]string{file}, r.stdout, r.parts.store.Marks(), r.parts.store.Resumed()); err != nil {
			return err
		}
	}
	return r.newEngine(cfg, seeds)
}

// serve serves the folder that was named. One that a script names has to lie
// below the script, for a script may read nothing else.
func (r *runner) serve() error {
	dir := r.set.text("serve")
	if dir == "" {
		return nil
	}
	if !r.asked.has("serve") {
		below, err := belowScript(r.scripts, dir)
		if err != nil {
			return err
		}
		dir = below
	}
	site, err := serve(dir)
	r.parts.site = site
	return err
}

// belowScript is the folder dir beside the first script that has it.
func belowScript(files []string, dir string) (string, error) {
	for _, f := range files {
		home, err := filepath.EvalSymlinks(filepath.Dir(f))
		if err != nil || shipped(f) {
			continue
		}
		at, err := filepath.EvalSymlinks(filepath.Join(home, dir))
		if err != nil {
			continue
		}
		if rel, err := filepath.Rel(home, at); err == nil && filepath.IsLocal(rel) {
			return at, nil
		}
		return "", usagef("crawl{serve = %q}: the folder has to lie below the script's; name another with --serve", dir)
	}
	return "", usagef("crawl{serve = %q}: no such folder beside the script", dir)
}

// seeds are all that was given, each told to the fetcher: a private address
// that a person names may be fetched.
func (r *runner) seeds() (iter.Seq2[string, error], error) {
	var all []iter.Seq2[string, error]
	files := r.asked.list("seeds")
	for _, path := range files {
		if st, err := os.Stat(path); path != "-" && (err != nil || st.IsDir()) {
			return nil, usagef("--seeds %s: no such file", path)
		}
		all = append(all, seedFile(path, r.p.stdin))
	}
	_, scripted := r.host.Settings()["seeds"]
	urls := r.urls
	if r.parts.site != nil && len(urls) == 0 && len(files) == 0 && !scripted {
		urls = r.siteSeeds()
	}
	all = append(all, given(urls), read(r.host.Seeds()))
	return told(chain(all...), r.parts.fetcher.Permit), nil
}

func (r *runner) siteSeeds() []string {
	urls := r.parts.site.starts()
	switch len(urls) {
	case 0:
		r.log.Warn("the served folder has no index.html: name a URL to start from, such as http://" + siteHost + "/page.html")
	case 1:
		r.serving = fmt.Sprintf("serving %s, starting at %s", r.parts.site.dir, urls[0])
	default:
		r.serving = fmt.Sprintf("serving %s, starting at the %d pages index.html next to its root, %s and so on", r.parts.site.dir, len(urls), urls[0])
	}
	return urls
}

func (r *runner) newEngine(cfg engine.Config, seeds iter.Seq2[string, error]) error {
	r.parts.output.Log = r.log
	policy := engine.NewPolicy(cfg)
	if r.parts.site != nil && !r.set.has("delay") {
		policy = restless{policy}
	}
	cfg.Policy = delayed{r.host.Policy(policy), &r.delays}
	cfg.Identity = r.host.Identity()
	var fetcher engine.Fetcher = r.parts.fetcher
	if choose := r.host.Proxy(); choose != nil && !r.asked.has("proxy") {
		fetcher = proxied{fetcher, choose}
	}
	deps := engine.Deps{
		Frontier: r.parts.store, Fetcher: fetcher, Handler: r.host, Output: r.parts.output,
		Values: r.parts.store.Values(), Seeds: seeds, Log: r.log,
	}
	if r.set.bool("recrawl") && r.ownPages() {
		deps.Kept = r.parts.fetcher.Unmet(time.Now())
	}
	if r.parts.skips != nil {
		deps.Skips = r.parts.skips
	}
	var err error
	r.engine, err = engine.New(cfg, deps)
	if err != nil {
		return &usageError{err.Error()}
	}
	r.parts.output.Closed = func() { r.engine.Stop("nobody reads standard output any more") }
	return nil
}

// close releases what assemble opened.
func (r *runner) close() {
	if r.parts.output != nil {
		_ = r.parts.output.Close() // closed by now, unless the crawl has failed
	}
	if r.parts.skips != nil {
		if err := r.parts.skips.Close(); err != nil {
			r.log.Warn("skips not written", "error", err)
		}
	}
	if r.parts.store != nil {
		if err := r.parts.store.Close(); err != nil {
			r.log.Warn("state not closed", "error", err)
		}
	}
	if r.parts.fetcher != nil {
		if err := r.parts.fetcher.Close(); err != nil {
			r.log.Warn("cookies not kept", "error", err)
		}
	}
	if r.parts.site != nil {
		r.parts.site.Close()
	}
	if r.host != nil {
		_ = r.host.Close()
	}
}
