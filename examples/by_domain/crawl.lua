--- Be polite to a domain as a whole, not to each of its hosts.
-- Shops often give every customer a host of their own on the same machines, so
-- all hosts of a registrable domain wait in one queue and share its delay. One
-- row a domain at the end: its hosts and how many URLs of it were found.
-- @arg only  fetch from this host alone and just count the others
crawl {
  serve = "site",
  delay = 0.1,
}

local url = require "downpour.url"

local domains = {}

policy {
  key = function(req)
    local domain = url.domain(req.host) or req.host
    local d = domains[domain] or { hosts = {}, urls = 0 }
    domains[domain] = d
    d.hosts[req.host] = true
    d.urls = d.urls + 1
    return domain
  end,
}

function on_url(req)
  if args.only and req.host ~= args.only then
    req:cancel("counted")
  end
end

function on_success(req)
  req:follow()
end

function on_finish()
  for domain, d in pairs(domains) do
    local hosts = {}
    for host in pairs(d.hosts) do
      table.insert(hosts, host)
    end
    table.sort(hosts)
    emit { domain = domain, hosts = hosts, urls = d.urls }
  end
end
