// Package extract turns the bytes of a page into values: text, links, a tree,
// sitemaps and feeds. It fetches nothing and knows nothing of scripts.
//
// Everything here is a pure function of its input and safe for concurrent use;
// a [Node] tree is safe for concurrent reading.
package extract
