package luabridge

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"downpour/engine"
)

// pageEvents are those of a page that succeeds, in their order.
var pageEvents = []engine.Event{engine.EventURL, engine.EventStatus, engine.EventHeaders, engine.EventSuccess, engine.EventDone}

// underWay is how many requests the stress test has under way at once.
const underWay = 64

// A gateStore lets nobody read the value gate before underWay calls wait for
// it.
type gateStore struct {
	*engine.MemoryValues
	waiting atomic.Int64
	open    chan struct{}
}

func (g *gateStore) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if key == "value:gate" {
		if g.waiting.Add(1) == underWay {
			close(g.open)
		}
		select {
		case <-g.open:
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
	runtime.Gosched()
	return g.MemoryValues.Get(ctx, key)
}

const stressScript = `
local http, store = require "downpour.http", require "downpour.store"
local hits = store.counter("hits")
local n, inside, most = 0, 0, 0
local fetched, sorted, resumed, caught, kept, refused = 0, 0, 0, 0, 0, 0
local another

function on_headers(req, headers)
  if headers["content-type"] then n = n + 1 end
end

function on_success(req, text)
  inside = inside + 1
  most = math.max(most, inside)
  assert(pcall(store.get, "gate"))

  -- A request whose own hook waits is not changed from here.
  another = another or req
  if another ~= req and not pcall(another.follow, another) then refused = refused + 1 end

  -- Within pcall; what the closure counts is the hook's own.
  local own = 0
  local ok, title = pcall(function()
    own = own + 1
    local page = assert(http.get("/side.html"))
    own = own + hits:add(0) * 0 + 1
    return page.title
  end)
  if ok and title == "side" and own == 2 then fetched = fetched + 1 end

  -- Within a comparison of sort.
  local t = {}
  for i = 1, 8 do t[i] = (i * 5) % 8 end
  table.sort(t, function(a, b) hits:add(1) hits:add(-1) return a < b end)
  if table.concat(t) == "01234567" then sorted = sorted + 1 end

  -- Within coroutines that take turns.
  local function worker(tag)
    return coroutine.wrap(function(x)
      for i = 1, 3 do
        hits:add(1)
        x = coroutine.yield(tag .. x .. store.get("one"))
      end
      return tag
    end)
  end
  store.set("one", 1)
  local a, b = worker("a"), worker("b")
  local out = {}
  for i = 1, 4 do out[i] = a(i) .. b(i) end
  if table.concat(out, " ") == "a11b11 a21b21 a31b31 ab" then resumed = resumed + 1 end

  -- An error after a wait is caught, and its closures keep their locals.
  local seen = "before"
  local fine, err = pcall(function()
    hits:get()
    seen = "after"
    error({ url = req.url })
  end)
  if not fine and err.url == req.url and seen == "after" then caught = caught + 1 end

  -- What belongs to the page does so after all the waiting.
  if text:find(req.url:match("%d+$") .. "<", 1, true) and req.status == 200 then kept = kept + 1 end
  n = n + 1
  inside = inside - 1
end

function on_done(req, response)
  n = n + 1
end

function on_finish()
  print(n, fetched, sorted, resumed, caught, kept, hits:get(), inside, most, refused)
end
`

// TestManyRequestsAtOnce: with many hooks waiting at once, every count is
// right, and every call comes back to the hook that made it.
func TestManyRequestsAtOnce(t *testing.T) {
	const rounds = 5
	w := one(t, stressScript)
	w.pages["http://site.test/side.html"] = "<title>side</title>"
	w.opt.Timeout = time.Minute // of a loaded machine
	host := w.mustLoad()
	if err := host.UseValues(t.Context(), &gateStore{MemoryValues: engine.NewValues(nil), open: make(chan struct{})}); err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(engine.Config{MaxDelay: time.Microsecond}, engine.Deps{Frontier: &worldLine{w: w}, Fetcher: worldSite{w}})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for worker := range underWay {
		wg.Go(func() {
			for round := range rounds {
				n := worker*rounds + round
				v := e.NewVisit(&engine.Request{URL: fmt.Sprintf("http://site.test/%d", n)})
				v.Response = answer(fmt.Sprintf("<title>%d</title>", n))
				handle(t, host, v, pageEvents...)
			}
		})
	}
	wg.Wait()
	v := e.NewVisit(&engine.Request{})
	v.Request = nil
	handle(t, host, v, engine.EventFinish)
	if logged := w.logged(); len(logged) > 0 {
		t.Fatal(strings.Join(logged[:min(len(logged), 3)], "\n"))
	}
	const pages = underWay * rounds
	all := fmt.Sprint(pages)
	want := strings.Join([]string{fmt.Sprint(3 * pages), all, all, all, all, all, fmt.Sprint(6 * pages), "0", fmt.Sprint(underWay), fmt.Sprint(pages - 1)}, "\t")
	if diff := cmp.Diff([]string{want}, w.printed()); diff != "" {
		t.Error(diff)
	}
}

// handle hands events of a visit to the host, as the engine does.
func handle(t *testing.T, host *Host, v *engine.Visit, events ...engine.Event) {
	t.Helper()
	for _, ev := range events {
		if !host.Wants(ev, "") {
			continue
		}
		if err := host.Handle(t.Context(), ev, v); err != nil {
			t.Error(err)
		}
	}
}

// TestGlobalsOfManyRequests has hooks that set globals of their script while
// others are about to be called.
func TestGlobalsOfManyRequests(t *testing.T) {
	const workers, rounds = 8, 200
	w := one(t, `n = 0
function on_success(req, text) n = n + #text end
function on_finish() print(n) end`)
	host := w.mustLoad()
	e, err := engine.New(engine.Config{}, engine.Deps{Frontier: &worldLine{w: w}, Fetcher: worldSite{w}})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range rounds {
				v := e.NewVisit(&engine.Request{URL: "http://site.test/"})
				v.Response = &engine.Response{Status: 200, Body: []byte("x")}
				handle(t, host, v, engine.EventSuccess)
			}
		})
	}
	wg.Wait()
	handle(t, host, e.NewVisit(nil), engine.EventFinish)
	if diff := cmp.Diff([]string{fmt.Sprint(workers * rounds)}, w.printed()); diff != "" {
		t.Error(diff)
	}
}
