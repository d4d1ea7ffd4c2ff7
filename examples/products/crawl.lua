--- Collect the products of a shop: list pages lead on, product pages give rows.
-- A kind names the hooks for one sort of page, so that no hook has to ask what
-- it has before it.
crawl {
  serve     = "site",
  same_host = true,
  delay     = 0.1,
}

local Product = kind "product"

function Product:on_success(text)
  local price = self.doc:text(".price")
  emit {
    url      = self.url,
    name     = self.doc:text("h1"),
    price    = tonumber((price or ""):match("[%d.]+")),
    category = self.meta.category,
    in_stock = self.doc:find(".sold-out") == nil,
  }
end

-- Every other page lists products, and the next page of the list.
function on_success(req, text)
  local category = req.doc:text("h1")
  for _, link in ipairs(req:links("li.product a[href]")) do
    req:enqueue(link.url, { kind = "product", meta = { category = category } })
  end
  req:follow("nav a[href]")
end
