--- Count the statuses of all answers and log them at the end.
-- @usage use("tally", { label = "HTTP" })
return function(options)
  local label = options and options.label or "status"
  local counts = {}

  return {
    on_status = function(req, version, status, message)
      counts[status] = (counts[status] or 0) + 1
    end,

    on_finish = function()
      local statuses = {}
      for status in pairs(counts) do statuses[#statuses + 1] = status end
      table.sort(statuses)
      for _, status in ipairs(statuses) do
        log.info(("%s %s: %d"):format(label, status, counts[status]))
      end
    end,
  }
end
