package main

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// hosts is how many hosts the site has; soak.lua knows it too.
const hosts = 20

// site answers the pages /p/NUMBER of every host: most with links and text, some
// late, badly or not at all.
func site(w http.ResponseWriter, r *http.Request) {
	number, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/p/"))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	switch {
	case number%50 == 1:
		http.Error(w, "gone wrong", http.StatusInternalServerError)
	case number%50 == 2:
		http.Redirect(w, r, fmt.Sprintf("/p/%d", number+1), http.StatusFound)
	case number%50 == 3:
		panic(http.ErrAbortHandler) // the connection ends
	case number%100 == 4:
		select { // longer than the crawl waits
		case <-r.Context().Done():
		case <-time.After(10 * fetchLimit):
		}
	default:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<title>page %d</title>", number)
		for i := range 20 + number {
			fmt.Fprintf(w, `<p>Some <b>text</b> with <a href="/p/%d">a link</a>.</p>`, i)
		}
	}
}
