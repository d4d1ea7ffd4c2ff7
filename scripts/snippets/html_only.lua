--- Read HTML pages alone: cut everything else off after its headers.
-- @usage use("html_only")
return {
  on_headers = function(req, headers)
    local kind = headers["content-type"]
    -- A redirect may say what it likes: what counts is where it leads.
    if req.status < 300 and kind and not kind[1]:find("html", 1, true) then
      req:cancel("not HTML: " .. kind[1])
    end
  end,
}
