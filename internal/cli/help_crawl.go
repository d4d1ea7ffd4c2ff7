package cli

// crawlHelp is what the verbs about a crawl do and take, each before the flags
// that all of them take.
var crawlHelp = map[string]string{
	"status": `What is done, queued and under way, and the ten hosts that take longest with what
each waits for. A crawl is running, paused, interrupted (downpour run goes on
with it) or over. For example:
  downpour status spider
  downpour status --redis redis://127.0.0.1/ --name spider --json
`,
	"hosts": `A line for each host with requests left: how many, how long they take at least,
and what the host waits for. For example:
  downpour hosts spider
`,
	"why": `Its canonical form, whether it is in scope, what robots.txt says as far as it is
known, and what became of it: new, waiting, under way, fetched or failed, and how.
The crawl is named with --name. For example:
  downpour why https://example.com/a.html --name spider
`,
	"queue": `  queue ls [NAME] [URL…]       list what waits, or with --failed what ended failed
  queue add URL…               add URLs, within the crawl's rules
  queue drop [NAME] [URL…]     take out what waits: name it, or pick it
  queue requeue [NAME] [URL…]  put back what ended failed, with attempts that
                               start anew; downpour run then goes on with it
Without URLs, requests are picked with
      --host HOST                 of one host
      --kind KIND                 of one kind
      --match PATTERN             whose URL matches a Lua pattern
      --status 404,5xx            whose last answer had one of these statuses
      --error timeout,dns         whose last fetch failed in one of these ways
      --failed                    ls: what ended failed, not what waits
      --limit N                   ls: so many at most
For example:
  downpour queue ls spider --failed --status 5xx
  downpour queue requeue spider --error timeout,host_down
  downpour queue add https://example.com/new.html --name spider

With Redis, what is added is handed to the workers; any other program does the
same with a list, of URLs or of requests as JSON:
  redis-cli RPUSH 'downpour:{NAME:0}:inbox' URL
  redis-cli RPUSH 'downpour:{NAME:0}:inbox' '{"url":"URL","kind":"KIND","priority":1}'
downpour run --keep-alive waits for them when nothing is left.
`,
	"pause": `What is under way ends; with Redis all workers pause within two seconds. status
says "paused" until downpour resume, or until the crawl is ended.
`,
	"resume": `With Redis all workers go on within two seconds.
`,
	"stop": `What is under way ends and the rest is kept, as with Ctrl-C in the terminal of the
crawl, which ends with status 130; with Redis all workers end. The same downpour
run goes on with it.
`,
	"set": `The delay is in seconds, or a text such as 1.5s, for all hosts or for one. It holds
until downpour run ends; with Redis until the crawl is over, and all workers take
it up within two seconds. The crawl is named before it or with --name. For example:
  downpour set delay=2
  downpour set spider delay=10 host=example.com
`,
	"verify": `Reads all of it: are the counts conserved, the files or keys sound? It ends with
status 1 where something is wrong, and names it. For example:
  downpour verify spider
`,
}

// inquiryHelp is about the flags that all verbs about a crawl take.
const inquiryHelp = `
NAME may be left out where there is one crawl. A crawl that runs is asked; of one
that does not, the state is read. Flags:
      --name NAME                 the crawl, if there are several
      --state DIR                 folder for the state of crawls (default .downpour)
      --redis URL                 the crawl is kept in Redis
      --json                      one JSON value a line
`
