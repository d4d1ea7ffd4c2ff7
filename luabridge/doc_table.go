package luabridge

// hookDocs documents the hooks in the order in which they are called.
var hookDocs = []doc{
	{call: "on_start()", text: "Once, before the first request."},
	{call: "on_enqueue(req) -> false | url | nil", text: "Before a request joins the queue. false drops it, a URL takes its place."},
	{call: "on_url(req, url)", text: "Before each hop, the first one included: the URL about to be fetched."},
	{call: "on_status(req, version, status, message)", text: "At the status line of each hop, as strings: \"HTTP/1.1\", \"200\", \"OK\"."},
	{call: "on_headers(req, headers)", text: "At the headers of each hop: lists of values by lower-case name; a lookup in any case works."},
	{call: "on_success(req, text)", text: "The answer was 2xx and its body has arrived: text is the body in UTF-8, req.body its bytes."},
	{call: "on_error(req, failure)", text: "Anything else, after the last retry: failure has kind, message, attempts and maybe status; tostring reads well. Kinds: dns, connect, timeout, tls, reset, protocol, encoding, too_large, status, redirect, blocked, proxy, cancelled, invalid, offline, disallowed, out_of_scope, and host_down: not fetched, its host has not answered for long."},
	{call: "on_done(req, response)", text: "Last, exactly once a request: the text, or the failure."},
	{call: "on_skip(req, reason, detail)", text: "A request is not going to be fetched: out of scope, disallowed by robots.txt, too deep and so on."},
	{call: "on_item(item, req) -> false | item | nil", text: "Before an item is written. false drops it, another table takes its place."},
	{call: "on_idle(n) -> false | nil", text: "Nothing is queued or due and there is room for n requests: push some, or answer false when there will be no more."},
	{call: "on_finish(summary)", text: "Once, at the end: the numbers of the crawl by name."},
}

// requestDocs documents the fields and methods of a request.
var requestDocs = []doc{
	{call: "url: string", text: "The URL of the hop at hand."},
	{call: "original_url: string", text: "The URL that was pushed, before any redirect."},
	{call: "host: string", text: "The host of url, with its port where that is not the scheme's own."},
	{call: "method: string", text: "GET, POST and so on."},
	{call: "depth: number", text: "Links between a seed and this request; a seed has 0."},
	{call: "referrer: string?", text: "The page that pushed it; nil for a seed."},
	{call: "kind: string?", text: "Names the hooks that apply. It can be set."},
	{call: "meta: table", text: "The script's own data, JSON values, kept across retries and restarts. It can be set."},
	{call: "attempt: number", text: "Which fetch of the request this is, from 1."},
	{call: "priority: number", text: "-100 to 100; higher ones of a queue go first. It can be set."},
	{call: "status: number?", text: "The status of the answer."},
	{call: "headers: table<string, string[]>?", text: "Lists of values by lower-case name; a lookup in any case works."},
	{call: "text: string?", text: "The body in UTF-8."},
	{call: "body: string?", text: "The body's bytes, decompressed."},
	{call: "doc: downpour.element?", text: "The parsed page.", waits: true},
	{call: "title: string?", text: "The page's title, found without parsing the page."},
	{call: "encoding: string?", text: "The encoding that the body was in."},
	{call: "elapsed: number?", text: "Seconds that the fetch took."},
	{call: "timing: table<string, number>?", text: "Seconds: dns, connect, tls, first_byte, total."},
	{call: "from_cache: boolean?", text: "Whether the answer is the cache's."},
	{call: "change: string?", text: "Under --recrawl: new, changed, unchanged or gone since the last run."},
	{call: "certificate: table?", text: "The site's, by https: subject, issuer, not_after (seconds since 1970), version."},
	{call: "proxy: string?", text: "The proxy it went through."},
	{call: "ip: string?", text: "The address that answered."},
	{call: "protocol: string?", text: "HTTP/1.1 or HTTP/2.0."},
	{call: "hops: {url: string, status: number}[]", text: "The redirects that led here."},
	{call: "robots: table<string, boolean>?", text: "noindex and nofollow: what the page asks of crawlers, by X-Robots-Tag and its robots meta elements."},
	{call: "req:follow(selector?, opts?) -> number", text: "Enqueues the links of the page, those of a[href], area[href] unless a selector says otherwise, without rel=nofollow unless opts.nofollow. Answers how many were new to this page.", waits: true},
	{call: "req:links(selector?) -> list", text: "The links as {url=, text=, rel=, tag=, attr=, nofollow=}.", waits: true},
	{call: "req:urls(selector?, opts?) -> list", text: "The URLs of the links. With opts.strict a second list has the references that are no URIs.", waits: true},
	{call: "req:enqueue(url, opts?) -> boolean|number, reason", text: "Enqueues a URL, or a list of them, resolved against the page. One: whether it was new, or why not; a list: how many were new."},
	{call: "req:retry({after=}?) -> boolean", text: "Fetches the request again, after so many seconds."},
	{call: "req:cancel(reason?)", text: "Ends the request: the transfer is cut and on_error gets kind \"cancelled\". It does not return, and no pcall undoes it."},
	{call: "req:emit(item)", text: "Writes an item, a table with a field a column."},
	{call: "req:css(selector) -> list", text: "The elements that a CSS selector finds.", waits: true},
	{call: "req:xpath(expr) -> value", text: "What an XPath 1.0 expression gives: a list, string, number or boolean.", waits: true},
	{call: "req:json() -> value | nil, message", text: "The body read as JSON."},
}

// elementDocs documents an element of a page.
var elementDocs = []doc{
	{call: "tag: string?", text: "Its name, in lower case; nil for the document."},
	{call: "element:find(selector) -> element | nil", text: "The first element in it that a CSS selector finds."},
	{call: "element:all(selector) -> list", text: "All of them."},
	{call: "element:xpath(expr) -> value", text: "What an XPath 1.0 expression gives: a list, string, number or boolean."},
	{call: "element:text(selector?) -> string | nil", text: "Its text without white space at the ends, or that of the first element the selector finds."},
	{call: "element:attr(name) -> string | nil", text: "The value of an attribute."},
	{call: "element:html() -> string", text: "It as HTML."},
	{call: "element:parent() -> element | nil", text: "The element that it is in."},
	{call: "element:next() -> element | nil", text: "The element after it."},
	{call: "element:prev() -> element | nil", text: "The element before it."},
	{call: "element:children() -> list", text: "The elements directly in it."},
	{call: "element:links(selector?) -> list", text: "Its links, as of req:links."},
	{call: "element:urls(selector?) -> list", text: "The URLs of its links."},
}

// optionDocs documents the options of a push.
var optionDocs = []doc{
	{call: "kind: string|table", text: "Names the hooks for the request."},
	{call: "method: string", text: "GET unless it says otherwise."},
	{call: "body: string", text: "What is sent."},
	{call: "headers: table", text: "Headers for this request alone."},
	{call: "priority: number", text: "-100 to 100; higher ones of a queue go first."},
	{call: "meta: table", text: "The script's own data, JSON values."},
	{call: "depth: number", text: "In place of one more than the page's."},
	{call: "key: string", text: "Identity in place of the URL: what has been pushed with the same key is not pushed again."},
	{call: "again: boolean", text: "Fetch it even if it has been seen."},
	{call: "after: number|string", text: "Seconds before it may be fetched."},
	{call: "proxy: string", text: "The proxy for this request."},
	{call: "jar: string", text: "The name of the cookie jar to use."},
	{call: "timeout: number|string", text: "Of the whole request."},
	{call: "nofollow: boolean", text: "Of follow alone: take links with rel=nofollow too."},
}

// globalDocs documents the globals that are not Lua's.
var globalDocs = []doc{
	{call: "crawl(settings)", text: "Sets what the crawl does, at the top level: crawl { delay = 2 }. Its keys are in the section crawl."},
	{call: "policy(functions)", text: "Decides how requests are scheduled, at the top level. Its functions are in the section policy."},
	{call: "use(name, opts?) -> table", text: "Loads a snippet: a file that returns a table of hooks, or a function of opts that returns one."},
	{call: "require(name) -> value", text: "Loads a module of Downpour's or a file beside the script, once."},
	{call: "kind(name) -> table", text: "The hooks of a kind of page: kind \"product\" { on_success = … }, or a table to define them in."},
	{call: "enqueue(url, opts?) -> boolean|number, reason", text: "Enqueues a URL, a list of them or what an iterator answers. One: whether it was new, or why not; several: how many were new."},
	{call: "emit(item)", text: "Writes an item, a table with a field a column."},
	{call: "fail(reason?)", text: "The crawl goes on and ends with exit status 3."},
	{call: "stop(reason?)", text: "Ends the crawl in order."},
	{call: "print(...)", text: "Writes a line to standard output."},
	{call: "log.debug(...)", text: "Logs its values under --verbose; a table at the end gives attributes."},
	{call: "log.info(...)", text: "Logs what one wants to know once a crawl."},
	{call: "log.warn(...)", text: "Logs what went wrong while the crawl goes on."},
	{call: "log.error(...)", text: "Logs what makes the crawl useless."},
	{call: "args: table<string, string>", text: "The script's arguments: -a NAME=VALUE, else the defaults of its header."},
}

// policyDocs documents the functions of policy{}.
var policyDocs = []doc{
	{call: "key(req) -> string | list", text: "Which queue the request waits in: requests of a queue share a delay. By default its host. The further names of a list are buckets that it shares with requests of other queues, such as an address or an API key: no two requests of a bucket start closer than its delay, whatever the number of workers."},
	{call: "delay(key, req, response) -> seconds", text: "How long the queue rests after a fetch; response is nil where nothing came. Asked with the name of a bucket before a fetch: how long until the next start in it."},
	{call: "allow(req) -> boolean, reason", text: "Whether to fetch it at all."},
	{call: "retry(req, failure) -> seconds | nil", text: "After how long to try again; nil gives up."},
	{call: "push(req)", text: "Takes a request that is new into the script's own queues."},
	{call: "extend(list)", text: "Takes several at once; by default push of each."},
	{call: "pop() -> req | nil, seconds", text: "The next request, each that was pushed once; or nil and the seconds to wait, without them until the next push or the end of a request. One whose queue rests holds up the others."},
	{call: "len() -> number", text: "How many wait. 0 says that what pop has not answered is dropped."},
	{call: "on_done(req)", text: "A request is finished, after on_success or on_error."},
	{call: "on_success(req)", text: "A request is finished and went well."},
	{call: "on_error(req)", text: "A request is finished and failed, after its last retry."},
	{call: "start()", text: "Once, before the first push."},
	{call: "stop()", text: "Once, at the end."},
}
