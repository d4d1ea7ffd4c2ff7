package policies_test

import (
	"fmt"
	"net/http"

	"downpour/policies"
)

func ExampleURL_Join() {
	page, err := policies.ParseURL("https://example.org/docs/index.html")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, ref := range []string{"guide.html#start", "../img/a b.png", `\about`, "mailto:me@example.org"} {
		u, err := page.Join(ref)
		fmt.Println(u.Href(), u.IsHTTP(), err)
	}
	// Output:
	// https://example.org/docs/guide.html#start true <nil>
	// https://example.org/img/a%20b.png true <nil>
	// https://example.org/about true <nil>
	// mailto:me@example.org false <nil>
}

func ExampleCanonical_Key() {
	u, err := policies.ParseURL("HTTP://Example.org:80/%7Ejoe/?b=2&a=1&utm_source=mail#top")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(u)
	fmt.Println(policies.Canonical{}.Key(u))
	fmt.Println(policies.Canonical{DropParams: []string{"utm_*"}}.Key(u))
	// Output:
	// http://example.org/%7Ejoe/?b=2&a=1&utm_source=mail
	// http://example.org/~joe/?a=1&b=2&utm_source=mail
	// http://example.org/~joe/?a=1&b=2
}

func ExampleRobots_For() {
	file := `User-agent: *
Crawl-delay: 2
Disallow: /private/
Allow: /private/*.html$
`
	rules := policies.ParseRobots([]byte(file)).For("downpour/1.0")
	for _, path := range []string{"/", "/private/x", "/private/x.html"} {
		ok, line := rules.Allowed(path)
		fmt.Println(path, ok, line)
	}
	fmt.Println(rules.CrawlDelay())
	// Output:
	// / true 0
	// /private/x false 3
	// /private/x.html true 4
	// 2s true
}

func ExampleRedirect() {
	from, err := policies.ParseURL("https://example.org/form")
	if err != nil {
		fmt.Println(err)
		return
	}
	next, err := policies.Redirect(http.StatusFound, "POST", from, "//www.example.org/thanks")
	fmt.Println(next.Method, next.URL, next.KeepBody, next.SameOrigin, err)
	_, err = policies.Redirect(http.StatusFound, "GET", from, "ftp://example.org/")
	fmt.Println(err)
	// Output:
	// GET https://www.example.org/thanks false false <nil>
	// redirect to a scheme other than http and https: ftp
}
