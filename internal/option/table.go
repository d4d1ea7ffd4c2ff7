package option

import "strings"

// Table holds every option, in the order of the help text.
var Table = fill([]Option{
	{
		Key: "name", Kind: String, Value: "NAME", Default: "the script's file name", Group: GroupCrawl,
		Help: "name of the crawl's state, in the state folder and in Redis",
	},
	{
		Key: "seeds", Flag: "seeds", Env: "-", Kind: List, Value: "FILE", Func: true, Group: GroupCrawl,
		Help: "file of URLs to start from, one a line; - is standard input. In crawl{}: a URL, a list, or an iterator function",
	},
	{
		Flag: "state", Kind: String, Value: "DIR", Default: ".downpour", Group: GroupCrawl,
		Help: "folder for the state of crawls",
	},
	{
		Flag: "fresh", Env: "-", Kind: Bool, Default: "false", Group: GroupCrawl,
		Help: "forget what an interrupted crawl left and start over",
	},
	{
		Flag: "keep-alive", Env: "-", Kind: Bool, Default: "false", Group: GroupCrawl,
		Help: "when nothing is left, wait for what downpour queue add or others push",
	},
	{
		Key: "redis", Kind: String, Value: "URL", Group: GroupCrawl,
		Help: "keep the frontier in Redis, where any number of machines share the crawl: redis://, rediss:// (TLS), unix://, redis+sentinel:// or redis+cluster://, with ?shards=N and others",
	},
	{
		Key: "serve", Env: "-", Kind: String, Value: "DIR", Group: GroupCrawl,
		Help: "serve a folder as http://site.test/ for the length of the run, without delay unless one is set, and seed it if nothing else is given. In crawl{}: a folder below the script's",
	},

	{
		Key: "same_host", Kind: Bool, Default: "false", Group: GroupScope,
		Help: "follow links within a page's host only",
	},
	{
		Key: "same_domain", Kind: Bool, Default: "false", Group: GroupScope,
		Help: "follow links within a page's registrable domain only",
	},
	{
		Key: "domains", Kind: Words, Value: "DOMAIN,…", Group: GroupScope,
		Help: "only these domains and their subdomains",
	},
	{
		Key: "allow", Flag: "allow-url", Kind: List, Value: "PATTERN", Group: GroupScope,
		Help: "only URLs that match one of these Lua patterns",
	},
	{
		Key: "deny", Kind: List, Value: "PATTERN", Group: GroupScope,
		Help: "no URL that matches one of these Lua patterns",
	},
	{
		Key: "max_depth", Kind: Int, Value: "N", Default: "none", Limit: true, Group: GroupScope,
		Help: "links between a seed and a page at most; 0 fetches the seeds alone",
	},
	{
		Key: "max_pages", Kind: Int, Value: "N", Default: "none", Limit: true, Group: GroupScope,
		Help: "pages to fetch at most; 0 is none",
	},
	{
		Key: "max_per_host", Kind: Int, Value: "N", Default: "none", Limit: true, Group: GroupScope,
		Help: "pages to fetch of one host at most; 0 is none",
	},
	{
		Key: "max_time", Kind: Duration, Value: "DURATION", Default: "none", Limit: true, Group: GroupScope,
		Help: "end the crawl in order after this long; 0 is none",
	},
	{
		Key: "max_items", Kind: Int, Value: "N", Default: "none", Limit: true, Group: GroupScope,
		Help: "rows to write at most; 0 is none",
	},
	{
		Key: "max_url", Kind: Int, Value: "BYTES", Default: "8192", Min: 16, Max: 65536, Group: GroupScope,
		Help: "length of a URL at most",
	},
	{
		Key: "max_repeats", Kind: Int, Value: "N", Default: "5", Min: 1, Limit: true, Group: GroupScope,
		Help: "times the same segment may be in a URL's path: /a/b/a/b/a/b is a trap",
	},
	{
		Key: "max_similar", Kind: Int, Value: "N", Default: "1000", Min: 1, Limit: true, Group: GroupScope,
		Help: "URLs of a host that differ in two or more numbers alone, such as a calendar's, or whose pages are the same, more than 20 links from a seed",
	},
	{
		Key: "max_hosts", Kind: Int, Value: "N", Default: "10000", Min: 1, Limit: true, Group: GroupScope,
		Help: "hosts of one registrable domain that links may lead to: a name server may make up any number",
	},
	{
		Key: "max_links", Kind: Int, Value: "N", Default: "10000", Min: 1, Limit: true, Group: GroupScope,
		Help: "links followed of one page at most",
	},
	{
		Key: "drop_params", Kind: Words, Value: "NAME,…", Group: GroupScope,
		Help: "query parameters that do not make a URL another page",
	},

	{
		Key: "policy", Kind: String, Value: "NAME", Default: "polite", Table: true, Choices: []string{"polite", "base"}, Group: GroupPoliteness,
		Help: "polite, or base: no delay, no robots.txt, no limit per host",
	},
	{
		Key: "concurrency", Kind: Int, Value: "N", Default: "16", Min: 1, Max: 10000, Group: GroupPoliteness,
		Help: "requests under way in this process",
	},
	{
		Key: "per_host", Kind: Int, Value: "N", Default: "1", Min: 1, Limit: true, Group: GroupPoliteness,
		Help: "requests under way per host",
	},
	{
		Key: "delay", Kind: Duration, Value: "DURATION", Default: "1", Group: GroupPoliteness,
		Help: "between the starts of two requests to a host",
	},
	{
		Key: "delay_factor", Kind: Float, Value: "X", Default: "0", Group: GroupPoliteness,
		Help: "and at least this many times as long as the last response took",
	},
	{
		Key: "max_delay", Kind: Duration, Value: "DURATION", Default: "60", Group: GroupPoliteness,
		Help: "bound on both and on the Crawl-delay of a robots.txt",
	},
	{
		Key: "robots", Kind: Bool, Default: "true", Group: GroupPoliteness,
		Help: "obey robots.txt (RFC 9309)",
	},
	{
		Key: "user_agent", Kind: String, Value: "TEXT", Default: "downpour/VERSION (+contact)", Group: GroupPoliteness,
		Help: "User-Agent header; robots.txt is asked for its first word",
	},
	{
		Key: "contact", Kind: String, Value: "URL", Group: GroupPoliteness,
		Help: "page or address where a site's owner reaches you, for the User-Agent header",
	},

	{
		Key: "timeout", Kind: Duration, Value: "DURATION", Default: "30", Min: 0.001, Group: GroupFetch,
		Help: "of a whole request",
	},
	{
		Key: "connect_timeout", Kind: Duration, Value: "DURATION", Default: "10", Min: 0.001, Group: GroupFetch,
		Help: "of connecting",
	},
	{
		Key: "idle_timeout", Kind: Duration, Value: "DURATION", Default: "15", Min: 0.001, Group: GroupFetch,
		Help: "between two reads of an answer",
	},
	{
		Key: "max_body", Kind: Size, Value: "SIZE", Default: "10MiB", Min: 1, Group: GroupFetch,
		Help: "of a decompressed body; more is an error of kind too_large",
	},
	{
		Key: "max_redirects", Kind: Int, Value: "N", Default: "10", Group: GroupFetch,
		Help: "redirects followed for one request",
	},
	{
		Key: "retries", Kind: Int, Value: "N", Default: "2", Group: GroupFetch,
		Help: "further tries for failures that may pass",
	},
	{
		Key: "host_retries", Kind: Int, Value: "N", Default: "3", Min: 1, Limit: true, Group: GroupFetch,
		Help: "probes of a host that has not answered three times in a row, after rests of 10 s and more, before its requests fail as host_down",
	},
	{
		Key: "proxy", Kind: List, Value: "URL", Default: "environment", Func: true, Group: GroupFetch,
		Help: "http, https, socks5 or socks5h URL; several are rotated",
	},
	{
		Key: "headers", Kind: Headers, Value: "'NAME: VALUE'", Group: GroupFetch,
		Help: "header for every request; where a redirect leads to another origin, one that may be a secret stays behind. Authorization, Cookie and others of such names go to the sites of the seeds alone, or with same_host, same_domain or domains wherever the crawl goes",
	},
	{
		Key: "cookies", Kind: Bool, Default: "true", Group: GroupFetch,
		Help: "keep cookies and send them back",
	},
	{
		Flag: "import-cookies", Kind: String, Value: "FILE", Group: GroupFetch,
		Help: "begin with the cookies of a file in Netscape's form, as curl and browsers write it",
	},
	{
		Flag: "export-cookies", Kind: String, Value: "FILE", Group: GroupFetch,
		Help: "write the cookies to such a file when the crawl ends",
	},
	{
		Key: "auth", Kind: Logins, Value: "HOST=USER:PASSWORD", Group: GroupFetch,
		Help: "login for a host, Basic or Digest; or 'HOST=Bearer TOKEN'. In crawl{}: {user=, password=} or {token=}",
	},
	{
		Key: "cache", Kind: String, Value: "DIR", Default: "off", Group: GroupFetch,
		Help: "folder of an HTTP cache (RFC 9111); a hit costs no delay",
	},
	{
		Key: "cache_size", Kind: Size, Value: "SIZE", Default: "4GiB", Min: 1 << 20, Group: GroupFetch,
		Help: "what the cache may hold; the longest unused goes first",
	},
	{
		Flag: "offline", Kind: Bool, Default: "false", Group: GroupFetch,
		Help: "take everything from the cache and nothing from the network",
	},
	{
		Flag: "recrawl", Kind: Bool, Default: "false", Group: GroupFetch,
		Help: "keep pages for the next run with --recrawl, which asks only for what is no longer the same: req.change and the summary say what is new, changed, unchanged or gone",
	},
	{
		Flag: "ca-file", Kind: String, Value: "FILE", Group: GroupFetch,
		Help: "certificate authorities to trust besides the system's (PEM)",
	},
	{
		Flag: "client-cert", Kind: String, Value: "FILE", Group: GroupFetch,
		Help: "certificate with its key, for sites that ask for one (PEM)",
	},
	{
		Flag: "client-key", Kind: String, Value: "FILE", Group: GroupFetch,
		Help: "the key of client_cert, where that file lacks it",
	},
	{
		Key: "min_tls", Kind: String, Value: "VERSION", Default: "1.2", Choices: []string{"1.0", "1.1", "1.2", "1.3"}, Group: GroupFetch,
		Help: "least version of TLS",
	},
	{
		Key: "insecure_hosts", Kind: Words, Value: "HOST,…", Group: GroupFetch,
		Help: "hosts, or HOST:PORT, whose certificates are not verified",
	},
	{
		Key: "private_addresses", Flag: "allow-private", Env: "DOWNPOUR_PRIVATE_ADDRESSES", Kind: Bool, Default: "false", Group: GroupFetch,
		Help: "connect to loopback, private and link-local addresses too",
	},
	{
		Flag: "resolve", Env: "-", Kind: List, Value: "HOST:PORT:ADDR", Group: GroupFetch,
		Help: "connect to ADDR for HOST:PORT in place of asking DNS; private addresses need --allow-private all the same",
	},

	{
		Key: "output", Short: "o", Kind: List, Value: "FILE", Default: "stdout", Group: GroupOutput,
		Help: "where items go: a .jsonl or .csv file, format:path, or - for stdout; several allowed",
	},
	{
		Flag: "skips", Kind: String, Value: "FILE", Group: GroupOutput,
		Help: "write a row for each URL found and not fetched, with the reason: a .jsonl or .csv file, or format:path",
	},
	{
		Flag: "report", Kind: String, Value: "FILE", Group: GroupOutput,
		Help: "write the summary as JSON when the crawl ends",
	},
	{
		Flag: "quiet", Short: "q", Kind: Bool, Default: "false", Group: GroupOutput,
		Help: "no progress, no summary; warnings only",
	},
	{
		Flag: "verbose", Short: "v", Kind: Bool, Default: "false", Group: GroupOutput,
		Help: "log each request",
	},
	{
		Flag: "log-format", Kind: String, Value: "text|json", Default: "text", Choices: []string{"text", "json"}, Group: GroupOutput,
		Help: "form of the log on stderr",
	},

	{
		Flag: "arg", Short: "a", Env: "-", Kind: Args, Value: "KEY=VALUE", Group: GroupScript,
		Help: "value for the script's args table",
	},
	{
		Flag: "strict", Kind: Bool, Default: "false", Group: GroupScript,
		Help: "stop at the first error of a script, with status 4",
	},
	{
		Flag: "script-timeout", Kind: Duration, Value: "DURATION", Default: "5", Min: 0.001, Group: GroupScript,
		Help: "Lua time of one hook",
	},
	{
		Flag: "script-memory", Kind: Size, Value: "SIZE", Default: "1GiB", Min: 1 << 20, Group: GroupScript,
		Help: "memory of the process above which a script is stopped",
	},
	{
		Flag: "allow", Env: "-", Kind: Words, Value: "env,os,io", Choices: []string{"env", "os", "io"}, Group: GroupScript,
		Help: "open more of Lua's libraries for a script you trust",
	},
})

// fill derives the names that follow from others: the flag from the key, the
// variable from the flag. An Env of "-" is none.
func fill(table []Option) []Option {
	for i := range table {
		o := &table[i]
		if o.Flag == "" {
			o.Flag = strings.ReplaceAll(o.Key, "_", "-")
		}
		switch o.Env {
		case "":
			o.Env = env(o.Flag)
		case "-":
			o.Env = ""
		}
	}
	return table
}
