local http = require "downpour.http"
misuse("at the top level", http.get, "http://a.test/")("call it in on_start")
misuse("unknown option", http.get, "http://a.test/", {timout = 1})("did you mean 'timeout'")
