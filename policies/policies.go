// Package policies holds the rules of a crawl as plain functions of their
// arguments: what a URL is, whether it belongs to the crawl, what robots.txt
// says, how long a site rests, where a redirect leads and what is tried again.
// Nothing here keeps state, reads a clock or does I/O, so everything is safe
// for concurrent use.
package policies
