// Command embed crawls a small site with Downpour's engine and no Lua: the
// handler is Go, the frontier is the journal, the rows go to the screen.
package main

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"

	"downpour/engine"
	"downpour/engine/fetch"
	"downpour/engine/frontier"
	"downpour/policies"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// titles prints the title of every page and follows its links.
type titles struct{}

// Wants says which hooks there are.
func (titles) Wants(ev engine.Event, _ string) bool { return ev == engine.EventSuccess }

// Handle is called with every page that arrived.
func (titles) Handle(_ context.Context, _ engine.Event, v *engine.Visit) error {
	page, err := policies.ParseURL(v.Request.URL)
	if err != nil {
		return err
	}
	doc, err := html.Parse(bytes.NewReader(v.Response.Body))
	if err != nil {
		return err
	}
	for n := range doc.Descendants() {
		switch {
		case n.DataAtom == atom.Title && n.FirstChild != nil:
			fmt.Println(page, n.FirstChild.Data)
		case n.DataAtom == atom.A:
			for _, a := range n.Attr {
				if to, err := page.Join(a.Val); a.Key == "href" && err == nil {
					v.Enqueue(&engine.Request{URL: to.String()})
				}
			}
		}
	}
	return nil
}

// Close has nothing to release.
func (titles) Close() error { return nil }

func main() {
	if err := crawl(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func crawl(ctx context.Context) error {
	site := httptest.NewServer(http.FileServer(http.Dir("examples/quickstart/site")))
	defer site.Close()
	state, err := os.MkdirTemp("", "embed")
	if err != nil {
		return err
	}
	defer os.RemoveAll(state)

	store, err := frontier.OpenJournal(ctx, state, frontier.Options{Name: "embed"})
	if err != nil {
		return err
	}
	defer store.Close()
	fetcher, err := fetch.New(fetch.Config{UserAgent: "embed/1.0"})
	if err != nil {
		return err
	}
	defer fetcher.Close()
	fetcher.Permit(site.URL) // a loopback address: forbidden unless named
	crawl, err := engine.New(
		engine.Config{Robots: true, Scope: policies.Scope{SameHost: true}},
		engine.Deps{
			Frontier: store,
			Fetcher:  fetcher,
			Handler:  titles{},
			Seeds: func(yield func(string, error) bool) {
				yield(site.URL+"/", nil)
			},
		})
	if err != nil {
		return err
	}
	summary, err := crawl.Run(ctx)
	fmt.Printf("%d pages, %d failed\n", summary.Pages, summary.Failed)
	return err
}
